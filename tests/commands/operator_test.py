#!/usr/bin/env python3
"""The operator's commands of semel's own: audit, producers, config, completion."""
import json
import os
import re
import subprocess
import unittest

import kafka
from harness import CONFLICT, FAILED, GOLDEN, NOT_FOUND, OK, UNREACHABLE, USAGE, CommandTest, free_port


class Operator(CommandTest):
    def broker(self):
        self.process = self.serve()
        self.to = ["-b", f"127.0.0.1:{self.process.port}"]
        return kafka.Connection(self.process.port)

    def rows(self, *arguments, code=OK):
        got, out, err = self.run_command(*arguments, "-o", "json")
        self.assertEqual(got, code, err)
        return [json.loads(line) for line in out.splitlines()]


class Producers(Operator):
    def test_duplicates_and_refusals_are_counted_and_explained(self):
        with self.broker() as connection:
            connection.create_topic("orders", 2)
            one, epoch = connection.init_producer_id()
            two, _ = connection.init_producer_id()
            first = kafka.batch([b"a", b"b"], one, epoch, 0)
            self.assertEqual(connection.produce("orders", first)[:2], (0, 0))
            self.assertEqual(connection.produce("orders", first)[:2], (0, 0))
            self.assertEqual(connection.produce("orders", first)[:2], (0, 0))
            self.assertEqual(connection.produce("orders", kafka.batch([b"x"], one, epoch, 7))[0], 45)
            self.assertEqual(connection.produce("orders", kafka.batch([b"c", b"d"], one, epoch, 0))[0], 45)
            connection.produce("orders", kafka.batch([b"y"], one, epoch, 0), 1)
            connection.produce("orders", kafka.batch([b"z"], two, 0, 0), 1)
        rows = self.rows("producers", "list", *self.to)
        self.assertEqual([(r["partition"], r["producerId"], r["lastSequence"]) for r in rows],
                         [(0, one, 1), (1, one, 0), (1, two, 0)])
        self.assertEqual(rows[0]["counters"],
                         {"duplicates": 2, "duplicateRecords": 4, "reencoded": 0, "belowLogStart": 0, "gaps": 1,
                          "sequencesReused": 1, "epochBumps": 0, "fenced": 0})
        self.assertGreater(rows[0]["lastAppend"], 1700000000000)
        self.assertEqual(len(self.rows("producers", "list", "--troubled", *self.to)), 1)
        self.assertEqual(len(self.rows("producers", "show", str(one), *self.to)), 2)
        why = self.rows("producers", "why", str(one), *self.to)[0]["reasons"]
        self.assertEqual(len(why), 3)
        self.assertIn("2 batches (4 records) came again and were not stored again", why[0])
        self.assertIn("1 batch refused with 45 OUT_OF_ORDER_SEQUENCE_NUMBER: sequences before them", why[1])
        code, out, _ = self.run_command("producers", "list", *self.to)
        self.assertEqual(code, OK)
        self.assertRegex(out, rf"^orders-0  producer {one} epoch 0  last sequence 1  20\S+ \S+Z  2 batches suppressed "
                              r"as duplicates  2 batches refused\n")

    def test_what_is_not_there(self):
        self.broker().socket.close()
        self.assertEqual(self.run_command("producers", "list", *self.to), (OK, "", ""))
        code, out, err = self.run_command("producers", "why", "4711", *self.to)
        self.assertEqual((code, out), (NOT_FOUND, ""))
        self.assertIn("4711", err)
        code, _, err = self.run_command("producers", "list", "nothere", *self.to)
        self.assertEqual(code, NOT_FOUND)
        self.assertIn("topic nothere does not exist", err)
        self.assertEqual(self.run_command("producers", "why", *self.to)[0], USAGE)
        self.assertEqual(self.run_command("producers", "list", "-b", f"127.0.0.1:{free_port()}")[0], UNREACHABLE)


class Config(Operator):
    def test_topics_and_brokers(self):
        with self.broker() as connection:
            connection.create_topic("orders")
        to = self.to
        self.assertEqual(self.run_command("config", "list", "topic", "orders", *to), (OK, "", ""))
        self.assertEqual(self.run_command("config", "get", "topic", "orders", "retention.ms", *to),
                         (OK, "604800000\n", ""))
        code, out, err = self.run_command("config", "set", "topic", "orders", "retention.ms=3600000",
                                          "cleanup.policy=compact,delete", *to)
        self.assertEqual((code, err), (OK, ""))
        self.assertEqual(out, "topic orders: retention.ms=3600000\ntopic orders: cleanup.policy=compact,delete\n")
        self.assertEqual([(row["name"], row["value"]) for row in self.rows("config", "list", "topic", "orders", *to)],
                         [("cleanup.policy", "compact,delete"), ("retention.ms", "3600000")])
        self.assertGreater(len(self.rows("config", "list", "topic", "orders", "--all", *to)), 20)
        self.assertEqual(self.run_command("config", "unset", "topic", "orders", "retention.ms", *to)[:2],
                         (OK, "topic orders: retention.ms is back to the default\n"))
        self.assertEqual(self.run_command("config", "get", "topic", "orders", "retention.ms", *to)[1], "604800000\n")
        self.assertEqual(self.run_command("config", "set", "brokers", "log.retention.ms=7200000", *to)[0], OK)
        self.assertIn("log.retention.ms=7200000", self.run_command("config", "list", "broker", "1", *to)[1])

    def test_wrong_words(self):
        with self.broker() as connection:
            connection.create_topic("orders")
        for words, code, text in ((["get", "topic", "orders", "nothing.ms"], NOT_FOUND, "nothing.ms"),
                                  (["get", "topic", "nothere", "retention.ms"], NOT_FOUND, "topic nothere does not exist"),
                                  (["set", "topic", "nothere", "retention.ms=1"], NOT_FOUND, "topic nothere does not exist"),
                                  (["list", "topic", "nothere"], NOT_FOUND, "topic nothere does not exist"),
                                  (["set", "topic", "orders", "retention.ms"], USAGE, "'='"),
                                  (["set", "topic", "orders", "retention.ms=a"], USAGE, "retention.ms"),
                                  (["set", "topic", "orders"], USAGE, "setting"),
                                  (["list", "topic"], USAGE, "name"),
                                  (["list", "thing", "x"], USAGE, "thing"),
                                  (["lis"], USAGE, "")):
            got, out, err = self.run_command("config", *words, *(self.to if words[0] != "lis" else []))
            self.assertEqual((got, out), (code, ""), words)
            self.assertIn(text, err)


class Completion(CommandTest):
    def completed(self, *words):
        """What a real bash offers for the last word."""
        script = self.run_command("completion", "bash")[1]
        command = words[0]
        program = (script + f"\nCOMP_WORDS=({' '.join(repr(word) for word in words)})\nCOMP_CWORD={len(words) - 1}\n"
                   f"spec=$(complete -p {command})\n"
                   "if [[ $spec == *'-F '* ]]; then _semel; printf '%s\\n' \"${COMPREPLY[@]}\"\n"
                   "else [[ $spec =~ -W\\ \\'([^\\']*)\\' ]]; compgen -W \"${BASH_REMATCH[1]}\" -- "
                   "\"${COMP_WORDS[COMP_CWORD]}\"; fi\n")
        done = subprocess.run(["bash", "--norc", "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, cwd=self.folder, timeout=60)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_bash_offers_commands_options_and_files(self):
        self.write("some-file.log", "")
        first = self.completed("semel", "")
        for command in ("serve", "topic", "audit", "producers", "config", "completion"):
            self.assertIn(command, first)
        self.assertEqual(self.completed("semel", "au"), ["audit"])
        self.assertEqual(self.completed("semel", "topic", "cr"), ["create"])
        self.assertIn("--partitions", self.completed("semel", "topic", "create", "orders", "--p"))
        self.assertEqual(self.completed("semel", "audit", "--ig"), ["--ignore"])
        self.assertEqual(self.completed("semel", "audit", "some"), ["some-file.log"])
        self.assertEqual(self.completed("semel", "completion", ""), ["bash", "zsh", "fish"])
        self.assertIn("--add-config-file", self.completed("kafka-configs.sh", "--add"))
        self.assertIn("--topic-partitions", self.completed("kafka-get-offsets.sh", "--to"))

    def test_every_command_stands_in_every_shells_script(self):
        names = self.run_command("--help")[1]
        commands = re.findall(r"^  ([a-z]+)  ", names[names.index("Commands:"):], re.M)
        self.assertGreater(len(commands), 7)
        for shell in ("bash", "zsh", "fish"):
            code, out, err = self.run_command("completion", shell)
            self.assertEqual((code, err), (OK, ""))
            for command in commands + ["kafka-topics.sh", "kafka-configs.sh"]:
                self.assertIn(command, out)
        self.assertEqual(self.run_command("completion")[0], USAGE)
        self.assertEqual(self.run_command("completion", "csh")[0], USAGE)


class Lab(CommandTest):
    def test_duplicates_appear_and_vanish(self):
        code, out, err = self.run_command("lab", "duplicates", timeout=120)
        self.assertEqual(code, OK, out + err)
        self.assertTrue(out.endswith("Everything came out as it must.\n"), out)
        logs = re.findall(r"the log of (\S+):\n((?:     offset .*\n)+)", out)
        values = {name: re.findall(r"offset \d+  (\S+)", text) for name, text in logs}
        once = ["payment-1", "payment-2", "payment-3"]
        self.assertEqual(values, {"at-least-once-0": ["payment-1", *once], "once-0": once, "once-restarted-0": once})
        self.assertEqual(out.count("its acknowledgement is lost"), 3)
        self.assertIn("the broker is stopped\n   the broker is started\n   payment-1 is acknowledged at offset 0", out)
        self.assertRegex(out, r"once-restarted-0  producer \d+ epoch 0 .* 1 batch suppressed as duplicates")
        self.assertIn("producer snapshot before offset 3, 1 producer", out)
        self.assertTrue(os.path.isdir(self.path("semel-lab")))
        code, out, err = self.run_command("lab", "duplicates")
        self.assertEqual((code, out), (CONFLICT, ""))
        self.assertIn("--data", err)
        self.assertEqual(self.run_command("lab", "nonsense")[0], USAGE)


class Audit(Operator):
    def test_a_directory_of_semels_and_one_of_kafkas(self):
        with self.broker() as connection:
            connection.create_topic("t")
            producer_id, epoch = connection.init_producer_id()
            batch = kafka.batch([b"a"], producer_id, epoch, 0)
            for _ in range(3):
                connection.produce("t", batch)
        self.assertEqual(self.run_command("audit", self.path("d"))[0], OK, "while the broker runs")
        self.assertEqual(self.process.stop(), OK)
        code, out, err = self.run_command("audit", self.path("d"))
        self.assertEqual((code, err), (OK, ""), out)
        self.assertRegex(out, r"^2 partitions, 2 segments, \d+ batches, \d+ records, 1 producer state: nothing found\n$")
        rows = self.rows("audit", os.path.join(GOLDEN, "kafka-4.3.1/clean-again/dd-a-10"), code=FAILED)
        self.assertEqual([row.get("type") for row in rows], ["repeated"] * 3 + [None])
        self.assertEqual(self.run_command("audit", self.path("nothere"))[0], NOT_FOUND)
        self.assertEqual(self.run_command("audit")[0], USAGE)


if __name__ == "__main__":
    unittest.main()
