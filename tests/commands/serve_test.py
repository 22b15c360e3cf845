#!/usr/bin/env python3
"""`semel serve`: start, ready line, stop, what it refuses and how it says so."""
import glob
import os
import signal
import time
import unittest

import kafka
from harness import CONFLICT, FAILED, OK, USAGE, CommandTest, free_port


class Life(CommandTest):
    def test_ready_line_then_requests_then_a_clean_stop(self):
        broker = self.serve()
        self.assertEqual(broker.ready, f"semel ready: 127.0.0.1:{broker.port}, data in {self.path('d')}\n")
        with kafka.Connection(broker.port) as connection:
            versions = connection.api_versions()
            self.assertEqual(versions[kafka.PRODUCE], (0, 13))
            self.assertEqual(versions[kafka.FETCH], (4, 18))
            self.assertEqual(versions[kafka.API_VERSIONS], (0, 4))
        self.assertEqual(broker.stop(), OK)
        self.assertEqual(broker.process.stdout.closed, True)
        self.assertTrue(os.path.exists(self.path("d/broker/.kafka_cleanshutdown")))

    def test_what_was_sent_is_there_after_a_restart_and_after_a_kill(self):
        broker = self.serve(port=free_port())
        port = broker.port
        with kafka.Connection(port) as connection:
            self.assertEqual(connection.create_topic("t"), 0)
            producer_id, epoch = connection.init_producer_id()
            sent = [kafka.batch([b"value %d" % i], producer_id, epoch, i) for i in range(6)]
            for i, records in enumerate(sent[:5]):
                self.assertEqual(connection.produce("t", records)[:2], (0, i))
        for stop in (broker.stop, None):
            if stop is None:
                broker.kill()
            else:
                self.assertEqual(stop(), OK)
            broker = self.serve(port=port)
            with kafka.Connection(port) as connection:
                for i, records in enumerate(sent[:5]):
                    self.assertEqual(connection.produce("t", records)[:2], (0, i), "stored once, answered again")
                code, high_watermark, data = connection.fetch("t")
                self.assertEqual((code, high_watermark), (0, 5))
                self.assertEqual(kafka.values_of(data), [b"value %d" % i for i in range(5)])
        with kafka.Connection(port) as connection:
            self.assertEqual(connection.produce("t", sent[5])[:2], (0, 5))
            code, offset, _, _, message = connection.produce("t", kafka.batch([b"gap"], producer_id, epoch, 9))
            self.assertEqual((code, offset), (45, -1))
            self.assertIn("6", message)
            self.assertIn("9", message)
        self.assertEqual(broker.stop(), OK)

    def test_second_interrupt_works_like_term(self):
        broker = self.serve()
        broker.process.send_signal(signal.SIGINT)
        self.assertEqual(broker.end(), OK)

    def test_term_while_a_client_is_connected(self):
        broker = self.serve()
        with kafka.Connection(broker.port) as connection:
            connection.api_versions()
            began = time.monotonic()
            self.assertEqual(broker.stop(), OK)
            self.assertLess(time.monotonic() - began, 15)
            with self.assertRaises((ConnectionError, OSError)):
                connection.api_versions()

    def test_a_missing_topic_is_created_by_the_first_metadata_request(self):
        broker = self.serve()
        with kafka.Connection(broker.port) as connection:
            code = 3
            deadline = time.monotonic() + 5
            while code != 0 and time.monotonic() < deadline:
                reader = connection.call(kafka.METADATA, 4, kafka.array([kafka.string("fresh")]) + b"\1")
                reader.take("i")
                reader.array(lambda: (reader.take("i"), reader.string(), reader.take("i"), reader.string()))
                reader.string(), reader.take("i"), reader.take("i")
                code, name = reader.take("h"), reader.string()
                self.assertEqual(name, "fresh")
            self.assertEqual(code, 0)

    def test_garbage_closes_its_connection_and_no_other(self):
        broker = self.serve()
        with kafka.Connection(broker.port) as good:
            for garbage in (b"\x7f\xff\xff\xff" + b"x" * 64, b"\xff\xff\xff\xff", b"GET / HTTP/1.1\r\n\r\n"):
                with kafka.Connection(broker.port) as bad:
                    bad.socket.sendall(garbage)
                    self.assertEqual(bad.socket.recv(1), b"")
            self.assertIn(kafka.PRODUCE, good.api_versions())


class Refusals(CommandTest):
    def test_port_that_is_taken(self):
        broker = self.serve()
        err = self.refused("serve", "--data", self.path("e"), "--listen", f"127.0.0.1:{broker.port}",
                           code=CONFLICT, words=[f"127.0.0.1:{broker.port}", "the port is taken", "--listen"])
        self.assertNotIn("terminate", err)
        with kafka.Connection(broker.port) as connection:
            connection.api_versions()

    def test_directory_in_use_by_another_process(self):
        broker = self.serve()
        self.refused("serve", "--data", self.path("d"), "--listen", f"127.0.0.1:{free_port()}", code=CONFLICT,
                     words=[self.path("d"), "in use by another process"])
        with kafka.Connection(broker.port) as connection:
            connection.api_versions()
        self.assertEqual(broker.stop(), OK)
        self.assertEqual(self.serve().stop(), OK)

    def test_directory_of_something_else_is_left_alone(self):
        os.mkdir(self.path("d"))
        os.mkdir(self.path("d/broker"))
        self.write("d/broker/thesis.txt", "the only copy")
        before = self.files_under("d/broker")
        self.refused("serve", "--data", self.path("d"), "--listen", "127.0.0.1:0", code=FAILED,
                     words=[self.path("d/broker"), "meta.properties", "nothing was changed"])
        self.assertEqual(self.files_under("d/broker"), before)

    def test_directory_that_cannot_be_written(self):
        if os.geteuid() == 0:
            self.write("file", "")
            data = self.path("file/d")  # root may write everywhere, but not below a file
        else:
            os.mkdir(self.path("closed"), 0o500)
            data = self.path("closed/d")
        self.refused("serve", "--data", data, "--listen", "127.0.0.1:0", code=FAILED, words=[data])

    def test_directory_of_another_node(self):
        self.assertEqual(self.serve("--set", "node.id=7").stop(), OK)
        before = self.files_under("d")
        self.refused("serve", "--data", self.path("d"), "--listen", "127.0.0.1:0", "--set", "node.id=8", code=FAILED,
                     words=[self.path("d"), "belongs to node 7", "node.id", "nothing was changed"])
        after = self.files_under("d")
        for name in (".lock", "controller/.lock", "broker/.lock"):
            before.pop(name, None)
            after.pop(name, None)
        self.assertEqual(after, before)
        self.assertEqual(self.serve("--set", "node.id=7").stop(), OK)

    def test_directories_of_two_clusters(self):
        self.assertEqual(self.serve(data="a").stop(), OK)
        self.assertEqual(self.serve(data="b").stop(), OK)
        os.rename(self.path("a/broker"), self.path("a/broker-old"))
        os.rename(self.path("b/broker"), self.path("a/broker"))
        self.refused("serve", "--data", self.path("a"), "--listen", "127.0.0.1:0", code=FAILED,
                     words=["belongs to cluster", "nothing was changed"])

    def test_logs_without_the_cluster_metadata(self):
        self.assertEqual(self.serve().stop(), OK)
        os.rename(self.path("d/controller"), self.path("kept"))
        self.refused("serve", "--data", self.path("d"), "--listen", "127.0.0.1:0", code=FAILED,
                     words=[self.path("d/controller"), "nothing was changed"])

    def test_damage_below_the_recovery_point_refuses_the_partition_and_no_other(self):
        broker = self.serve()
        with kafka.Connection(broker.port) as connection:
            for topic in ("hurt", "well"):
                self.assertEqual(connection.create_topic(topic), 0)
                for i in range(3):
                    self.assertEqual(connection.produce(topic, kafka.batch([b"v%d" % i]))[:2], (0, i))
        self.assertEqual(broker.stop(), OK)
        log = glob.glob(self.path("d/broker/hurt-0/*.log"))[0]
        with open(log, "r+b") as file:
            file.seek(61 + 8)
            byte = file.read(1)
            file.seek(61 + 8)
            file.write(bytes([byte[0] ^ 1]))
        size = os.path.getsize(log)
        os.remove(self.path("d/broker/.kafka_cleanshutdown"))
        broker = self.serve()
        err = broker.stderr()
        for word in ("hurt-0", "damaged at position 0", "nothing was cut"):
            self.assertIn(word, err)
        self.assertEqual(os.path.getsize(log), size)
        with kafka.Connection(broker.port) as connection:
            self.assertEqual(connection.fetch("well")[1], 3)
            self.assertNotEqual(connection.produce("hurt", kafka.batch([b"no"]))[0], 0)
        self.assertEqual(os.path.getsize(log), size)
        self.assertEqual(broker.stop(), OK)

    def test_a_torn_end_above_the_recovery_point_is_cut_kept_and_reported(self):
        broker = self.serve()
        with kafka.Connection(broker.port) as connection:
            self.assertEqual(connection.create_topic("t"), 0)
            self.assertEqual(connection.produce("t", kafka.batch([b"whole"]))[:2], (0, 0))
        broker.kill()
        log = glob.glob(self.path("d/broker/t-0/*.log"))[0]
        with open(log, "r+b") as file:
            file.seek(0, os.SEEK_END)
            file.write(kafka.batch([b"torn"])[:40])
        broker = self.serve()
        self.assertIn(".cut", broker.stderr())
        self.assertEqual(os.path.getsize(glob.glob(self.path("d/broker/t-0/*.cut"))[0]), 40)
        with kafka.Connection(broker.port) as connection:
            self.assertEqual(kafka.values_of(connection.fetch("t")[2]), [b"whole"])


class Settings(CommandTest):
    def serve_words(self, *more):
        return ["serve", "--data", self.path("d"), "--listen", "127.0.0.1:0", *more]

    def test_wrong_values_say_what_where_why_and_what_to_try(self):
        cases = [
            ("num.partitions=many", ["--set", "num.partitions=many", "not a whole number", "at least"]),
            ("num.partitions=0", ["num.partitions=0", "outside its range"]),
            ("semel.flush=sometimes", ["semel.flush=sometimes", "use ", "auto"]),
            ("auto.create.topics.enable=perhaps", ["neither true nor false", "write true or false"]),
            ("semel.memory.bytes=2000000", ["semel.memory.bytes", "socket.request.max.bytes"]),
            ("nonsense", ["--set nonsense", "key=value"]),
        ]
        for setting, words in cases:
            with self.subTest(setting):
                self.refused(*self.serve_words("--set", setting), code=USAGE, words=words)
                self.assertFalse(os.path.exists(self.path("d")), "refused before anything is touched")

    def test_a_file_is_named_with_its_line(self):
        file = self.write("server.properties", "# mine\nlog.dirs=logs\nnum.io.threads=x\n")
        self.refused("serve", file, code=USAGE, words=["server.properties", ":3", "num.io.threads=x"])

    def test_a_file_that_is_not_there(self):
        self.refused("serve", self.path("nowhere.properties"), code=USAGE, words=["nowhere.properties"])

    def test_protection_that_would_not_be_enforced_is_refused(self):
        for setting in ("authorizer.class.name=org.example.Mine", "ssl.keystore.location=/k", "super.users=User:a",
                        "sasl.enabled.mechanisms=PLAIN"):
            with self.subTest(setting):
                self.refused(*self.serve_words("--set", setting), code=USAGE,
                             words=[setting, "protects access", "would not enforce"])
        self.refused(*self.serve_words()[:3], "--set", "listeners=SSL://127.0.0.1:0", code=USAGE,
                     words=["SSL", "PLAINTEXT"])

    def test_an_unknown_setting_gets_one_warning_with_the_nearest_name(self):
        broker = self.serve("--set", "num.partitoins=3", "--set", "background.threads=4")
        err = broker.stderr()
        self.assertEqual(err.count("num.partitoins"), 1, err)
        self.assertIn("did you mean num.partitions?", err)
        self.assertEqual(err.count("background.threads"), 1, err)
        self.assertEqual(broker.stop(), OK)

    def test_help_goes_to_standard_output(self):
        for words in (["--help"], ["serve", "--help"], ["topic", "--help"], ["dump", "--help"]):
            with self.subTest(words):
                code, out, err = self.run_command(*words)
                self.assertEqual((code, err), (OK, ""))
                self.assertIn("Examples", out)
                self.assertLessEqual(out.count("\n"), 40, "one screen")

    def test_no_command_and_a_wrong_one(self):
        self.assertEqual(self.run_command()[0], USAGE)
        self.refused("sreve", code=USAGE, words=["no command sreve", "--help"])
        self.refused("serve", "--dtaa", "d", code=USAGE, words=["--dtaa", "--help"])

    def test_version(self):
        code, out, _ = self.run_command("--version")
        self.assertEqual(code, OK)
        self.assertRegex(out, r"^semel \d+\.\d+\.\d+\n$")

    def test_standard_output_that_is_closed_does_not_end_the_broker(self):
        broker = self.launch("serve", "--data", self.path("d"), "--listen", f"127.0.0.1:{free_port()}")
        broker.wait_ready()
        broker.process.stdout.close()
        with kafka.Connection(broker.port) as connection:
            self.assertEqual(connection.create_topic("t"), 0)
        broker.process.send_signal(signal.SIGTERM)
        self.assertEqual(broker.process.wait(60), OK)


if __name__ == "__main__":
    unittest.main()
