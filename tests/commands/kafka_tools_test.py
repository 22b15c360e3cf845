#!/usr/bin/env python3
"""Kafka's names for an operator's tools print what genuine Kafka prints: tests/golden/tools/, line by line."""
import os
import shlex
import unittest

import kafka_session
from harness import GOLDEN, CommandTest


class Sessions(CommandTest):
    def replay(self, version, *style):
        with open(os.path.join(GOLDEN, f"tools/kafka-{version}.txt"), encoding="utf-8") as file:
            blocks = kafka_session.parse(file.read())
        self.assertEqual([block[0] for block in blocks], kafka_session.lines_of(version))
        port = self.serve("--set", "node.id=1").port
        kafka_session.write_files(self.folder)
        kafka_session.fill(port)
        usages = kafka_session.Usages()
        for line, *expected in blocks:
            with self.subTest(line=line):
                name, *words = shlex.split(line.replace("BROKER", f"127.0.0.1:{port}"))
                code, out, err = self.run_command(*words, *style, name=name)
                out, err = (usages.shorten(kafka_session.neutral(text, port, self.folder)) for text in (out, err))
                self.assertEqual((out, err, code), tuple(expected))

    def test_kafka_4_3_1(self):
        self.replay("4.3.1")

    def test_kafka_2_6_0(self):
        os.environ["SEMEL_AS_VERSION"] = "2.6"
        try:
            self.replay("2.6.0")
        finally:
            del os.environ["SEMEL_AS_VERSION"]


if __name__ == "__main__":
    unittest.main()
