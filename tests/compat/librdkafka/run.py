"""Runs librdkafka's own tests, those that tests.txt says to run, against one broker.

Each line of tests.txt is a test of librdkafka's table, or NAME/SUBTEST for a part of one, and after the bar
`run`, `run alone` (it measures time) or why it is not run. The list must name every test of the table, so that a new version's are not missed."""
import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TABLE_ENTRY = re.compile(r"\b_TEST\((\d{4}\w*),(.*?)(?=_TEST\(|\{NULL\})", re.DOTALL)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
AT_ONCE = 3  # most of a test's time is waiting
LIMIT_S = 240
TIMEOUTS = 2  # without groups a consumer that commits as it closes waits out its session
BROKER_VERSION = "4.3.1"
RUN = ("run", "run alone")


def read_list():
    """[(test, subtest or "", verdict)]"""
    entries = []
    with open(os.path.join(HERE, "tests.txt"), encoding="utf-8") as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                name, verdict = line.strip().split(" | ", 1)
                test, _, subtest = name.partition("/")
                entries.append((test, subtest, verdict))
    return entries


def check_complete(entries, source):
    with open(os.path.join(source, "tests", "test.c"), encoding="utf-8") as text:
        table = {name: "TEST_F_LOCAL" in flags for name, flags in TABLE_ENTRY.findall(text.read())}
    named = {test for test, _, _ in entries}
    wrong = [f"{name} is not in tests.txt" for name in table if name not in named]
    wrong += [f"{name} of tests.txt is not in librdkafka" for name in named if name not in table]
    wrong += [f"{test} needs no broker" for test, _, verdict in entries if verdict in RUN and table.get(test)]
    return wrong


def run_one(test, subtest, options, producer):
    """Returns what was wrong, or None, and the seconds that it took."""
    label = (test + ("/" + subtest if subtest else "") + producer).replace("/", "-").replace(" ", "-")
    log = os.path.join(options.logs, label + ".log")
    tests = os.path.join(options.source, "tests")
    env = dict(os.environ, TESTS=test[:4], TEST_KAFKA_VERSION=BROKER_VERSION, BROKERS=options.broker,
               KAFKA_PATH=options.home, RDKAFKA_TEST_CONF=os.path.join(options.logs, "test.conf"),
               LD_LIBRARY_PATH=":".join(os.path.join(options.source, folder) for folder in ("src", "src-cpp")))
    env.pop("CI", None)  # it would leave the latency tests out
    if subtest:
        env["SUBTESTS"] = subtest
    started = time.monotonic()
    with open(log, "wb") as out:
        try:
            code = subprocess.run([os.path.join(tests, "test-runner"), "-L", "-p1", *([producer] if producer else [])],
                                  cwd=tests, env=env, stdout=out, stderr=out, timeout=LIMIT_S, check=False).returncode
        except subprocess.TimeoutExpired:
            code = f"none after {LIMIT_S} s"
    with open(log, encoding="utf-8", errors="replace") as text:
        said = COLOUR.sub("", text.read())
    passed = re.search(rf"^\| {test} +\| +PASSED", said, re.MULTILINE)
    if subtest and subtest not in "".join(re.findall(r"\[ (.*): PASS \(", said)):
        passed = None
    wrong = None
    if code != 0 or not passed:
        failure = re.search(r"^### Test \"\d.*\n(.*)", said, re.MULTILINE)
        wrong = f"exit code {code}: {failure.group(1).strip() if failure else 'see the log'} ({log})"
    return wrong, time.monotonic() - started


def run_and_tell(test, subtest, producer, options):
    """Returns whether it failed."""
    problem, seconds = run_one(test, subtest, options, producer)
    name = " ".join(filter(None, (test, subtest.rstrip(":"), "(idempotent)" if producer else "")))
    print(f"compat: {'FAIL' if problem else 'ok'} librdkafka {name}, {seconds:.0f} s" + (f": {problem}" if problem else ""),
          flush=True)
    return problem is not None


def main():
    parser = argparse.ArgumentParser()
    for name in ("source", "home", "logs", "broker"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("numbers", nargs="*")
    options = parser.parse_args()
    os.makedirs(options.logs, exist_ok=True)
    with open(os.path.join(options.logs, "test.conf"), "w", encoding="utf-8") as conf:
        conf.write(f"metadata.broker.list={options.broker}\ntest.topic.random=true\ntest.timeout.multiplier={TIMEOUTS}\n")
    entries = read_list()
    wrong = check_complete(entries, options.source)
    if wrong:
        sys.exit("\n".join("compat: " + line for line in wrong))
    chosen = [entry for entry in entries if not options.numbers or entry[0][:4] in options.numbers]
    alone = [(test, subtest, "") for test, subtest, verdict in chosen if verdict == "run alone"]
    others = [(test, subtest, producer) for producer in ("", "-P") for test, subtest, verdict in chosen if verdict == "run"]
    failed = sum(run_and_tell(*test, options) for test in alone)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        failed += sum(pool.map(lambda test: run_and_tell(*test, options), others))
    total = len(alone) + len(others)
    print(f"compat: librdkafka: {total - failed} of {total} runs passed,"
          f" {sum(verdict not in RUN for _, _, verdict in entries)} tests or parts are left out with a reason")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
