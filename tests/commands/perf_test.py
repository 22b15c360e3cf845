#!/usr/bin/env python3
"""semel perf: what it says agrees with what it was asked for and with what the broker has."""
import json
import re
import signal
import subprocess
import time
import unittest

import kafka
from harness import FAILED, NOT_FOUND, OK, SEMEL, UNREACHABLE, USAGE, CommandTest, free_port

QUANTILES = ("p50", "p90", "p99", "p99.9", "max")


class Perf(CommandTest):
    def setUp(self):
        super().setUp()
        self.broker = self.serve()
        self.to = ["-b", f"127.0.0.1:{self.broker.port}"]
        with kafka.Connection(self.broker.port) as connection:
            connection.create_topic("load", 2)

    def perf(self, *words, code=OK):
        got, out, err = self.run_command("perf", *words, *self.to, "-o", "json")
        self.assertEqual(got, code, err)
        return [json.loads(line) for line in out.splitlines()]

    def check_latency(self, run):
        values = [run["latencyMs"][name] for name in QUANTILES]
        self.assertEqual(values, sorted(values))
        self.assertGreater(values[0], 0)

    def test_produce_and_consume_agree(self):
        run, = self.perf("produce", "load", "-n", "3000", "-s", "50", "--codec", "lz4", "--linger", "1", "--in-flight",
                         "2", "--batch-size", "4096")
        self.assertEqual((run["test"], run["topic"], run["partitions"]), ("produce", "load", 2))
        self.assertEqual((run["records"], run["failed"], run["bytes"]), (3000, 0, 150000))
        self.assertEqual((run["codec"], run["lingerMs"], run["inFlight"], run["batchSize"], run["acks"]),
                         ("lz4", 1, 2, 4096, "all"))
        self.assertTrue(run["idempotence"])
        self.assertAlmostEqual(run["recordsPerSecond"], 3000 / run["seconds"], delta=0.1 * run["recordsPerSecond"])
        self.check_latency(run)
        back, = self.perf("consume", "load")
        self.assertEqual((back["records"], back["bytes"]), (3000, 150000))
        self.assertGreater(back["firstRecordMs"], 0)
        self.assertEqual(self.perf("consume", "load", "-n", "700")[0]["records"], 700)
        parts = [self.perf("consume", "load", "-p", str(i))[0]["records"] for i in range(2)]
        self.assertEqual(sum(parts), 3000)

    def test_with_and_without_idempotence_side_by_side(self):
        runs = self.perf("produce", "load", "-n", "200", "--idempotence", "both")
        self.assertEqual([run["idempotence"] for run in runs], [False, True])
        code, out, err = self.run_command("perf", "produce", "load", "-n", "200", "--idempotence", "both", *self.to)
        self.assertEqual(code, OK, err)
        self.assertRegex(out, r"^ +idempotence off   idempotence on\nrecords +200 +200\nseconds ")
        self.assertRegex(out, r"\nlatency p50   ms +\d+\.\d\d +\d+\.\d\d\n")
        self.assertIn("semel perf: 200 records of 100 bytes to load: acks all, idempotence off,", err)
        producers = self.run_command("producers", "list", "load", "-o", "json", *self.to)[1]
        self.assertEqual(len({json.loads(line)["producerId"] for line in producers.splitlines()}), 2)

    def test_latency_keeps_its_rate_and_leaves_the_warm_up_out(self):
        run, = self.perf("latency", "load", "--rate", "400", "-d", "1", "--warmup", "0.5")
        self.assertEqual(run["rate"], 400)
        self.assertEqual(run["records"], 400)
        self.assertAlmostEqual(run["seconds"], 1, delta=0.4)
        self.check_latency(run)
        self.assertEqual(self.perf("consume", "load")[0]["records"], 600, "the warm-up is stored too")

    def test_a_stall_shows_in_every_record_that_it_delays(self):
        words = [SEMEL, "perf", "latency", "load", "--rate", "1000", "-d", "2", "--warmup", "0", *self.to, "-o", "json",
                 "-q"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as load:
            time.sleep(0.7)
            self.broker.process.send_signal(signal.SIGSTOP)
            time.sleep(0.6)
            self.broker.process.send_signal(signal.SIGCONT)
            out, err = load.communicate(timeout=60)
        self.assertEqual(load.returncode, OK, err)
        run = json.loads(out)
        self.assertEqual((run["records"], run["failed"]), (2000, 0))
        # 600 of 2,000 were due in the stall; half of them waited 300 ms and longer.
        self.assertGreater(run["latencyMs"]["p90"], 200)
        self.assertGreater(run["latencyMs"]["max"], 500)
        self.assertLess(run["latencyMs"]["p50"], 300)

    def test_what_it_refuses(self):
        for words, code, text in ((["produce", "nothere"], NOT_FOUND, "semel topic create nothere"),
                                  (["consume", "nothere"], NOT_FOUND, "does not exist"),
                                  (["consume", "load", "-p", "7"], NOT_FOUND, "no partition 7"),
                                  (["produce", "load", "--acks", "1", "--idempotence", "on"], USAGE, "acks"),
                                  (["produce", "load", "--codec", "brotli"], USAGE, "brotli"),
                                  (["produce", "load", "-s", "0"], USAGE, "--size"),
                                  (["produce", "load", "-n", "1", "-s", "2000000"], FAILED, "max.request.size"),
                                  (["produce"], USAGE, "topic"), ([], USAGE, "semel perf --help"),
                                  (["latency", "load", "--rate", "-5"], USAGE, "--rate")):
            got, out, err = self.run_command("perf", *words, *(self.to if len(words) > 1 else []))
            self.assertEqual((got, out), (code, ""), (words, err))
            self.assertIn(text, err)
        got, out, err = self.run_command("perf", "produce", "load", "-b", f"127.0.0.1:{free_port()}")
        self.assertEqual((got, out), (UNREACHABLE, ""))
        self.assertIn("Connection refused", err)

    def test_a_broker_that_dies_is_told_with_what_was_measured(self):
        words = [SEMEL, "perf", "latency", "load", "-d", "3", "--warmup", "0", "--set", "delivery.timeout.ms=1500",
                 "--set", "request.timeout.ms=500", *self.to]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as load:
            time.sleep(1.2)
            self.broker.kill()
            out, err = load.communicate(timeout=60)
        self.assertEqual(load.returncode, UNREACHABLE, err)
        failed = int(re.search(r"^failed +([\d,]+)$", out, re.M).group(1).replace(",", ""))
        self.assertGreater(failed, 0)
        self.assertRegex(err, r"semel perf: [\d,]+ records failed; the first: .*REQUEST_TIMED_OUT")

    def test_examples_come_first(self):
        for words in ([], ["produce"], ["consume"], ["latency"]):
            code, out, err = self.run_command("perf", *words, "--help")
            self.assertEqual((code, err), (OK, ""))
            self.assertLess(out.index("Examples:"), out.index("Usage:"))
            self.assertLess(out.count("\n"), 50)


if __name__ == "__main__":
    unittest.main()
