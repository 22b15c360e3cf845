"""Sessions of Kafka's tools: command lines, and what genuine tools printed for them against a semel broker.

The golden file has one block per command line, in order:

  $ kafka-get-offsets.sh --bootstrap-server BROKER --topic t1
  --- stdout
  …
  --- stderr
  …
  --- exit code 0

`python3 kafka_session.py compare VERSION PORT [kafka|controller]` runs kafka_session_kafka_VERSION.txt with genuine tools
and with semel's, against a genuine broker: APIs that semel's broker does not serve; or kafka_session_controller_VERSION.txt
against a controller.
`python3 kafka_session.py capture VERSION PORT` fills a fresh broker, runs a version's lines with genuine tools
(tests/compat/java/RunTools.java, command in $RUN_TOOLS) and prints the file.
"""
import os
import re
import shlex
import subprocess
import sys

import kafka

CLASSES = {
    "4.3.1": {"kafka-configs.sh": "kafka.admin.ConfigCommand",
              "kafka-topics.sh": "org.apache.kafka.tools.TopicCommand",
              "kafka-storage.sh": "kafka.tools.StorageTool",
              "kafka-get-offsets.sh": "org.apache.kafka.tools.GetOffsetShell",
              "kafka-delete-records.sh": "org.apache.kafka.tools.DeleteRecordsCommand",
              "kafka-log-dirs.sh": "org.apache.kafka.tools.LogDirsCommand",
              "kafka-broker-api-versions.sh": "org.apache.kafka.tools.BrokerApiVersionsCommand"},
    "2.6.0": {"kafka-configs.sh": "kafka.admin.ConfigCommand",
              "kafka-topics.sh": "kafka.admin.TopicCommand",
              "kafka-delete-records.sh": "kafka.admin.DeleteRecordsCommand",
              "kafka-log-dirs.sh": "kafka.admin.LogDirsCommand",
              "kafka-broker-api-versions.sh": "kafka.admin.BrokerApiVersionsCommand"},
}
FILES = {"good.json": '{"partitions":[{"topic":"t1","partition":0,"offset":2},{"topic":"t1","partition":1,"offset":-1}],'
                      '"version":1}',
         "beyond.json": '{"partitions":[{"topic":"t1","partition":0,"offset":99}],"version":1}',
         "twice.json": '{"partitions":[{"topic":"t1","partition":0,"offset":1},'
                       '{"topic":"t1","partition":0,"offset":1}],"version":1}',
         "bad.json": '{"partitions":', "other.json": '{"version":2,"partitions":[]}',
         "none.json": '{"version":1}', "empty.json": "",
         "config.properties": "retention.ms=1000\ncleanup.policy=compact\n", "client.properties": "client.id=tools\nrequest.timeout.ms=20000\n", "wrong.properties": "request.timeout.ms=a\n",
         "storage.properties": "process.roles=broker,controller\nnode.id=1\n"
                               "controller.quorum.bootstrap.servers=localhost:9093\n"
                               "listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093\n"
                               "controller.listener.names=CONTROLLER\nlog.dirs=storage-data\n"}

SHOWN = ("Produce(0)", "Fetch(1)", "Metadata(3)", "ApiVersions(18)", "LeaderAndIsr(4)")


def fill(port):
    """Topics t1 (3 partitions; 5, 2 and 0 records) and t2 (1 partition, no record)."""
    with kafka.Connection(port) as connection:
        connection.create_topic("t1", 3)
        connection.create_topic("t2", 1)
        for i in range(5):
            connection.produce("t1", kafka.batch([b"v%d" % i], timestamp=1700000000000 + (i * 7 % 5)), 0)
        for i in range(2):
            connection.produce("t1", kafka.batch([b"w%d" % i], timestamp=1700000000000), 1)


def write_files(folder):
    for name, text in FILES.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)


def parse(text):
    """[(command line, standard output, standard error, exit code)]"""
    pattern = r"^\$ (.*)\n--- stdout\n((?:.*\n)*?)--- stderr\n((?:.*\n)*?)--- exit code (\d+)\n"
    return [(line, out, err, int(code)) for line, out, err, code in re.findall(pattern, text, re.M)]


def neutral(text, port, folder):
    """What differs between runs, under other names; without the lines of stack traces."""
    text = text.replace(f"127.0.0.1:{port}", "BROKER").replace(folder, "FOLDER")
    # What a logger tells, with its stack trace, is the logger's.
    text = re.sub(r"^\[[^\]]*\] ERROR .*\n(\s+at .*\n|\t\.\.\. \d+ more\n|Caused by: .*\n|\n)*", "", text, flags=re.M)
    text = re.sub(r"TopicId: \S{22}", "TopicId: ID", text)
    text = re.sub(r"^(\s+at .*|\t\.\.\. \d+ more)\n", "", text, flags=re.M)
    text = re.sub(r"^\[[^\]]*\] (WARN|ERROR|INFO) .*\n", "", text, flags=re.M)
    # Kafka 4.3.1 gives partitions in any order.
    text = re.sub(r"(^partition: .*\n){2,}", lambda match: "".join(sorted(match.group(0).splitlines(True))), text,
                  flags=re.M)
    # What a broker serves grows; that it is listed and how stays.
    text = re.sub(r"^\tUNKNOWN\(\d+\): [^,\n]*(,\n|\n)", "", text, flags=re.M)
    text = re.sub(r"^(\t\w+\(\d+\): )(\d+( to \d+)? \[usable: \d+\]|UNSUPPORTED),?$",
                  lambda match: match.group(0 if match.group(1)[1:-2] in SHOWN else 1), text, flags=re.M)
    return text


class Usages:
    """Shortens help texts that were shown before."""

    def __init__(self):
        self.shown = set()

    def shorten(self, text):
        match = re.search(r"^Option +Description *\n(.*\n)*", text, re.M)
        if not match or match.group(0) not in self.shown:
            self.shown.add(match and match.group(0))
            return text
        return text[:match.start()] + "[the help shown above]\n" + text[match.end():]


def lines_of(version):
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), f"kafka_session_{version}.txt"),
              encoding="utf-8") as file:
        return [line.strip() for line in file if line.strip() and not line.startswith("#")]


def genuine(version, port, folder, lines):
    """What genuine tools print for each line: (standard output, standard error, exit code)."""
    tools = subprocess.Popen(shlex.split(os.environ["RUN_TOOLS"]), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             cwd=folder)
    usages = Usages()
    for line in lines:
        name, *words = shlex.split(line.replace("BROKER", f"127.0.0.1:{port}"))
        tools.stdin.write("\t".join([CLASSES[version][name], *words]).encode() + b"\n")
        tools.stdin.flush()
        code, out_size, err_size = map(int, tools.stdout.readline().split())
        out, err = (tools.stdout.read(size).decode() for size in (out_size, err_size))
        out, err = (usages.shorten(neutral(text, port, folder)) for text in (out, err))
        yield line, (out, err, code)
    tools.stdin.close()
    tools.wait()


def capture(version, port, folder):
    write_files(folder)
    fill(port)
    for line, (out, err, code) in genuine(version, port, folder, lines_of(version)):
        print(f"$ {line}\n--- stdout\n{out}--- stderr\n{err}--- exit code {code}", flush=True)


def own(version, port, folder, lines):
    """The same of the look-alikes beside $SEMEL."""
    environment = dict(os.environ, SEMEL_AS_VERSION=version)
    usages = Usages()
    for line in lines:
        name, *words = shlex.split(line.replace("BROKER", f"127.0.0.1:{port}"))
        done = subprocess.run([os.path.join(os.path.dirname(os.environ["SEMEL"]), name), *words], cwd=folder,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env=environment, check=False)
        out, err = (usages.shorten(neutral(text, port, folder)) for text in (done.stdout, done.stderr))
        yield line, (out, err, done.returncode)


def compare(version, port, folder, session="kafka"):
    """Genuine tools and look-alikes, one after the other, against the same node; the number of differences."""
    write_files(folder)
    lines = lines_of(f"{session}_{version}")
    differences = 0
    for (line, wanted), (_, got) in zip(list(genuine(version, port, folder, lines)), own(version, port, folder, lines)):
        if wanted == got:
            continue
        differences += 1
        print(f"$ {line}\n--- Kafka's, exit code {wanted[2]}\n{wanted[0]}{wanted[1]}"
              f"--- semel's, exit code {got[2]}\n{got[0]}{got[1]}", flush=True)
    print(f"{differences} of {len(lines)} command lines differ")
    return differences


if __name__ == "__main__":
    command = {"capture": capture, "compare": compare}[sys.argv[1]]
    sys.exit(command(sys.argv[2], int(sys.argv[3]), os.getcwd(), *sys.argv[4:]) and 1)
