"""What the command tests share: the binary under test, brokers on free ports in fresh folders, clean-up.

The binary is $SEMEL (build/release/bin/semel without it). Each test gets a folder of its own that is
removed afterwards; brokers that a test leaves running are killed by their own process id.
"""
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SEMEL = os.environ.get("SEMEL", os.path.join(ROOT, "build/release/bin/semel"))
GOLDEN = os.path.join(ROOT, "tests/golden")
START_SECONDS = 60

OK, FAILED, USAGE, NOT_FOUND, UNREACHABLE, CONFLICT = 0, 1, 2, 3, 4, 6


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Broker:
    """`semel serve`, or any other command line of it, as a process."""

    def __init__(self, folder, arguments, name="semel"):
        self.err_path = os.path.join(folder, f"stderr-{time.monotonic_ns()}.txt")
        self.err_file = open(self.err_path, "w")
        binary = os.path.join(os.path.dirname(SEMEL), name)
        self.process = subprocess.Popen([binary, *arguments], stdout=subprocess.PIPE, stderr=self.err_file,
                                        text=True, cwd=folder)
        self.ready = ""

    def wait_ready(self):
        """The line that says so; the exit code and standard error in the failure if it does not come."""
        waited = select.select([self.process.stdout], [], [], START_SECONDS)[0]
        if not waited:
            self.process.kill()
            raise AssertionError(f"no ready line within {START_SECONDS} s\n{self.stderr()}")
        self.ready = self.process.stdout.readline()
        if not self.ready.startswith("semel ready: "):
            code = self.process.wait(START_SECONDS)
            raise AssertionError(f"exit code {code}, no ready line but {self.ready!r}\n{self.stderr()}")
        return self

    @property
    def port(self):
        return int(re.match(r"semel ready: .*:(\d+), data in ", self.ready).group(1))

    def stderr(self):
        self.err_file.flush()
        with open(self.err_path, encoding="utf-8") as file:
            return file.read()

    def stop(self):
        """TERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.end()

    def kill(self):
        self.process.kill()
        self.end()

    def end(self):
        code = self.process.wait(START_SECONDS)
        self.process.stdout.close()
        self.err_file.close()
        return code


class CommandTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="semel-")
        self.brokers = []

    def tearDown(self):
        for broker in self.brokers:
            if broker.process.poll() is None:
                broker.kill()
            elif not broker.process.stdout.closed:
                broker.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def launch(self, *arguments, name="semel"):
        broker = Broker(self.folder, arguments, name)
        self.brokers.append(broker)
        return broker

    def serve(self, *arguments, data="d", port=0):
        return self.launch("serve", "--data", self.path(data), "--listen", f"127.0.0.1:{port}",
                           *arguments).wait_ready()

    def run_command(self, *arguments, name="semel", timeout=START_SECONDS):
        """(exit code, standard output, standard error)"""
        binary = os.path.join(os.path.dirname(SEMEL), name)
        done = subprocess.run([binary, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=timeout, cwd=self.folder, stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout, done.stderr

    def refused(self, *arguments, code, words, name="semel"):
        """The start is refused: exit code, nothing on standard output, each word on standard error."""
        got, out, err = self.run_command(*arguments, name=name)
        self.assertEqual(got, code, err)
        self.assertEqual(out, "")
        for word in words:
            self.assertIn(word, err)
        return err

    def files_under(self, name):
        found = {}
        for folder, _, files in os.walk(self.path(name)):
            for file in files:
                full = os.path.join(folder, file)
                found[os.path.relpath(full, self.path(name))] = (os.path.getsize(full), os.stat(full).st_mtime_ns)
        return found
