#!/usr/bin/env python3
"""The tools that talk to a broker or read its files: semel topic, kafka-topics.sh, dump."""
import glob
import json
import os
import re
import shlex
import unittest

import kafka
from harness import CONFLICT, FAILED, GOLDEN, NOT_FOUND, OK, UNREACHABLE, USAGE, CommandTest, free_port


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def golden_commands():
    """tests/golden/wire/tools.txt: command line → (standard output, exit code) of Kafka 4.3.1's tool."""
    text = read(os.path.join(GOLDEN, "wire/tools.txt"))
    found = {}
    for block in re.split(r"\n(?=\$ )", "\n" + text):
        match = re.match(r"\n*\$ (.*)\n--- stdout\n((?:.*\n)*?)--- stderr\n(?:.*\n)*?--- exit code (\d+)", block)
        if match:
            found.setdefault(match.group(1), (match.group(2), int(match.group(3))))
    return found


class KafkaTopics(CommandTest):
    """Each command line as Kafka's golden run has it, but for one broker instead of three."""

    def setUp(self):
        super().setUp()
        self.port = self.serve("--set", "node.id=1").port
        self.golden = golden_commands()

    def expect(self, line, replaced=(), kafkas_line=None):
        out, code = self.golden["kafka-topics.sh --bootstrap-server 127.0.0.1:19141 " + (kafkas_line or line)]
        for old, new in replaced:
            out = re.sub(old, new, out)
        words = ["--bootstrap-server", f"127.0.0.1:{self.port}", *shlex.split(line)]
        got_code, got, err = self.run_command(*words, name="kafka-topics.sh")
        got = re.sub(r"TopicId: \S{22}", "TopicId: ID", got)
        self.assertEqual((got, got_code), (re.sub(r"TopicId: \S{22}", "TopicId: ID", out), code), err)

    def test_the_golden_session(self):
        one = "--partitions 3 --replication-factor 1"
        self.expect("--create --topic t1 " + one,
                    kafkas_line="--create --topic t1 --partitions 3 --replication-factor 3")
        self.expect("--create --topic t1 --partitions 1 --replication-factor 1")
        self.expect("--create --topic 'bad name' --partitions 1 --replication-factor 1")
        self.expect("--create --topic t.dot_under --partitions 1 --replication-factor 9",
                    [("only 3 broker", "only 1 broker")])
        self.expect("--create --topic gone --partitions 1 --replication-factor 1",
                    kafkas_line="--create --topic gone --partitions 1 --replication-factor 2")
        self.expect("--create --topic t2 --replica-assignment 1,1 --config retention.ms=86400000 "
                    "--config compression.type=zstd", [("", "")],
                    "--create --topic t2 --replica-assignment 1:2,2:3 --config retention.ms=86400000 "
                    "--config compression.type=zstd")
        self.expect("--list")
        self.expect("--describe --topic nothere")
        self.expect("--delete --topic gone")
        code, out, _ = self.run_command("--bootstrap-server", f"127.0.0.1:{self.port}", "--list",
                                        name="kafka-topics.sh")
        self.assertEqual((code, out), (0, "t1\nt2\n"))

    def test_describe_has_kafkas_columns(self):
        self.run_command("topic", "create", "-b", f"127.0.0.1:{self.port}", "t1", "-p", "2", "-c",
                         "retention.ms=86400000")
        code, out, _ = self.run_command("--bootstrap-server", f"127.0.0.1:{self.port}", "--describe", "--topic", "t1",
                                        name="kafka-topics.sh")
        self.assertEqual(code, 0)
        lines = out.splitlines()
        self.assertRegex(lines[0], r"^Topic: t1\tTopicId: \S{22}\tPartitionCount: 2\tReplicationFactor: 1\t"
                                   r"Configs: .*\bretention\.ms=86400000\b")
        for partition, line in enumerate(lines[1:]):
            self.assertRegex(line, rf"^\tTopic: t1\tPartition: {partition}\tLeader: 1\tReplicas: 1\tIsr: 1\t"
                                   r"Elr: (N/A)?\tLastKnownElr: (N/A)?$")
        self.assertEqual(len(lines), 3)

    def test_wrong_use(self):
        code, out, err = self.run_command("--list", name="kafka-topics.sh")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("--bootstrap-server must be specified", err)
        code, _, err = self.run_command("--bootstrap-server", "x:1", name="kafka-topics.sh")
        self.assertEqual(code, 1)
        self.assertIn("Command must include exactly one action: --list, --describe, --create, --alter or --delete", err)


class SemelTopic(CommandTest):
    def test_daily_work(self):
        broker = self.serve()
        to = ["-b", f"127.0.0.1:{broker.port}"]
        self.assertEqual(self.run_command("topic", "create", "orders", "-p", "3", *to), (OK, "created orders\n", ""))
        code, out, err = self.run_command("topic", "create", "orders", *to)
        self.assertEqual((code, out), (CONFLICT, ""))
        self.assertIn("TOPIC_ALREADY_EXISTS", err)
        self.assertEqual(self.run_command("topic", "list", *to), (OK, "orders\n", ""))
        self.assertEqual(json.loads(self.run_command("topic", "list", "-o", "json", *to)[1]), ["orders"])
        described = json.loads(self.run_command("topic", "describe", "orders", "-o", "json", *to)[1])
        self.assertEqual([p["partition"] for p in described[0]["partitions"]], [0, 1, 2])
        for word in ("describe", "delete"):
            code, _, err = self.run_command("topic", word, "nothere", *to)
            self.assertEqual(code, NOT_FOUND)
            self.assertIn("topic nothere does not exist; semel topic list", err)
        code, _, err = self.run_command("topic", "create", "odd", "-c", "retention.msec=1", *to)
        self.assertNotEqual(code, OK)
        self.assertIn("retention.msec", err)
        self.assertEqual(self.run_command("topic", "delete", "orders", *to)[0], OK)
        self.assertEqual(self.run_command("topic", "list", *to)[1], "")

    def test_nobody_there_and_wrong_words(self):
        code, out, err = self.run_command("topic", "list", "-b", f"127.0.0.1:{free_port()}", timeout=60)
        self.assertEqual((code, out), (UNREACHABLE, ""))
        self.assertIn("127.0.0.1", err)
        self.assertEqual(self.run_command("topic", "crate", "x")[0], USAGE)
        code, _, err = self.run_command("topic", "list", "-b", "localhost")
        self.assertEqual(code, USAGE)
        self.assertIn("write host:port", err)

    def test_settings_come_from_a_file_and_security_is_refused(self):
        broker = self.serve()
        to = ["-b", f"127.0.0.1:{broker.port}"]
        good = self.write("good.properties", "client.id=me\nrequest.timeout.ms=9000\n")
        secure = self.write("secure.properties", "security.protocol=SASL_SSL\n")
        for words in (["topic", "list"], ["config", "list", "broker", "1"], ["producers", "list"]):
            self.assertEqual(self.run_command(*words, *to, "--command-config", good)[0], OK)
            code, out, err = self.run_command(*words, *to, "--command-config", secure)
            self.assertEqual((code, out), (USAGE, ""))
            self.assertIn("security.protocol SASL_SSL: this client speaks PLAINTEXT only", err)
            code, out, err = self.run_command(*words, *to, "--command-config", "missing.properties")
            self.assertEqual((code, out), (USAGE, ""))
            self.assertIn("missing.properties: there is no such file", err)
        code, out, err = self.run_command("--bootstrap-server", to[1], "--list", "--command-config", secure,
                                          name="kafka-topics.sh")
        self.assertEqual((code, out), (FAILED, ""))
        self.assertIn("this client speaks PLAINTEXT only", err)
        self.assertEqual(self.run_command("topic", "create")[0], USAGE)


class Dump(CommandTest):
    def kill_after_two_batches(self):
        broker = self.serve()
        with kafka.Connection(broker.port) as connection:
            connection.create_topic("t")
            producer_id, epoch = connection.init_producer_id()
            for i in range(2):
                connection.produce("t", kafka.batch([b"v%d" % i], producer_id, epoch, i, 1700000000000))
        self.assertEqual(broker.stop(), OK)
        return producer_id

    def test_kafkas_text_of_what_a_broker_wrote(self):
        producer_id = self.kill_after_two_batches()
        log = glob.glob(self.path("d/broker/t-0/*.log"))[0]
        code, out, err = self.run_command("--files", log, "--print-data-log", name="kafka-dump-log.sh")
        self.assertEqual(code, 0, err)
        lines = out.splitlines()
        self.assertEqual(lines[:2], [f"Dumping {log}", "Log starting offset: 0"])
        self.assertRegex(lines[2], r"^baseOffset: 0 lastOffset: 0 count: 1 baseSequence: 0 lastSequence: 0 "
                                   rf"producerId: {producer_id} producerEpoch: 0 .*CreateTime: 1700000000000 .*"
                                   r"isvalid: true")
        self.assertTrue(lines[3].endswith("payload: v0"), lines[3])
        snapshot = glob.glob(self.path("d/broker/t-0/*.snapshot"))[0]
        code, out, _ = self.run_command("--files", snapshot, name="kafka-dump-log.sh")
        self.assertEqual(code, 0)
        self.assertRegex(out.splitlines()[1], rf"^producerId: {producer_id} producerEpoch: 0 .*lastSequence: 1|"
                                              rf"producerId: {producer_id}")

    def test_kafkas_text_of_kafkas_files(self):
        log = os.path.join(GOLDEN, "kafka-4.3.1/clean/codec-zstd-0/00000000000000000000.log")
        expected = read(log + ".dump.txt")
        runs = re.findall(r"^\$ kafka-dump-log.sh (.*)--files \S+\n--- stdout\n((?:.*\n)*?)--- stderr", expected, re.M)
        self.assertGreaterEqual(len(runs), 2)
        for options, text in runs:
            code, out, _ = self.run_command(*options.split(), "--files", log, name="kafka-dump-log.sh")
            self.assertEqual(code, 0)
            self.assertEqual(out.splitlines()[1:], text.splitlines()[1:])

    def test_semel_dump_takes_every_file_of_a_partition(self):
        self.kill_after_two_batches()
        files = sorted(glob.glob(self.path("d/broker/t-0/*")))
        self.assertGreaterEqual(len(files), 4)
        code, out, err = self.run_command("dump", *files)
        self.assertEqual(code, OK, err)
        for file in files:
            self.assertIn(os.path.basename(file), out)
        self.assertNotEqual(self.run_command("dump", self.path("nothing"))[0], OK)
        self.assertEqual(self.run_command("dump")[0], USAGE)


class Storage(CommandTest):
    def test_a_directory_that_kafkas_tool_would_format_is_served(self):
        port = free_port()
        file = self.write("server.properties",
                          f"process.roles=broker,controller\nnode.id=1\nlog.dirs={self.path('kraft')}\n"
                          f"listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{free_port()}\n"
                          "controller.listener.names=CONTROLLER\n"
                          "offsets.topic.replication.factor=1\n")
        code, _, err = self.run_command(file, name="kafka-server-start.sh")
        self.assertEqual(code, FAILED)
        self.assertIn("not formatted", err)
        code, uuid, _ = self.run_command("random-uuid", name="kafka-storage.sh")
        self.assertEqual(code, 0)
        self.assertRegex(uuid, r"^[\w-]{22}\n$")
        code, out, err = self.run_command("format", "--standalone", "-t", uuid.strip(), "-c", file,
                                          name="kafka-storage.sh")
        self.assertEqual(code, 0, err)
        self.assertIn("Formatting", out)
        broker = self.launch(file, name="kafka-server-start.sh").wait_ready()
        with kafka.Connection(port) as connection:
            self.assertEqual(connection.create_topic("t"), 0)
            self.assertEqual(connection.produce("t", kafka.batch([b"v"]))[:2], (0, 0))
        self.assertEqual(broker.stop(), OK)
        code, out, _ = self.run_command("info", "-c", file, name="kafka-storage.sh")
        self.assertIn(uuid.strip(), out)


if __name__ == "__main__":
    unittest.main()
