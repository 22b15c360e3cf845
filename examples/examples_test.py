"""Runs the examples against a broker of their own.

Usage: examples_test.py SEMEL PRODUCE_ONCE CONSUME_ALL
"""
import re
import subprocess
import sys
import tempfile


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        sys.exit(f"{words}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def main():
    semel, produce_once, consume_all = sys.argv[1:4]
    with tempfile.TemporaryDirectory() as folder:
        broker = subprocess.Popen([semel, "serve", "--data", folder + "/d", "--listen", "127.0.0.1:0"],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            line = broker.stdout.readline()
            address = re.match(r"semel ready: (\S+),", line).group(1)
            run(semel, "topic", "create", "demo", "--partitions", "1", "-b", address)
            sent = run(produce_once, address, "demo")
            assert sent == "".join(f"record {i + 1} is at offset {i} of partition 0\n" for i in range(3)), sent
            read = run(consume_all, address, "demo", "0")
            assert read == "0 one\n1 two\n2 three\n", read
            done = subprocess.run([produce_once, address], capture_output=True, text=True, timeout=60)
            assert done.returncode == 2 and "usage" in done.stdout, done
        finally:
            broker.terminate()
            broker.wait(30)
    print("ok")


if __name__ == "__main__":
    main()
