"""The processes that are measured: semel, Apache Kafka, the floor. Each has its own data directory and
a fixed port; start() returns when it accepts requests."""
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import wire

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BIN = os.environ.get("SEMEL_BIN", os.path.join(ROOT, "build/release/bin"))
WORK = os.environ.get("BENCH_DIR", os.path.join(ROOT, "build/bench-data"))
KAFKA_VERSION = "4.3.1"
BROKER_CPU, LOAD_CPU = 1, 0


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def nice():
    """In a child that is about to exec, in a session of its own: other work on the machine shall not
    starve what is measured. Sessions share the CPUs by autogroup, where the kernel has it. Without the
    right to it, as it is."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, -15)
        with open("/proc/self/autogroup", "w") as file:
            file.write("-15")
    except OSError:
        pass


def can_pin():
    return len(os.sched_getaffinity(0)) > 1


def cpu_seconds(pid):
    total = 0
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            try:
                with open(f"/proc/{pid}/task/{task}/schedstat") as file:
                    total += int(file.read().split()[0])
            except OSError:
                pass
    except OSError:
        pass
    return total / 1e9


def rss_bytes(pid):
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(r"VmRSS:\s*(\d+) kB", file.read()).group(1)) * 1024


class Peer:
    """name = what the tables say; flush = what a topic's flush.messages must be for its class."""
    name = ""

    def __init__(self, name, folder):
        self.name = name
        self.data = os.path.join(WORK, folder)
        self.port = free_port()
        self.process = None

    @property
    def pid(self):
        return self.process.pid

    def command(self):
        raise NotImplementedError

    def prepare(self):
        os.makedirs(self.data, exist_ok=True)

    def spawn(self, pinned=True):
        """Starts the process and returns at once."""
        before = nice
        cpus = {BROKER_CPU} if pinned and can_pin() and self.is_pinned_from_exec() else None

        def child():
            before()
            if cpus:
                os.sched_setaffinity(0, cpus)

        with open(self.data + ".log", "ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, preexec_fn=child,
                                            env=self.environment(), start_new_session=True)
        if pinned and can_pin() and not cpus:
            subprocess.run(["taskset", "-a", "-p", "-c", str(BROKER_CPU), str(self.pid)],
                           stdout=subprocess.DEVNULL, check=False)

    def environment(self):
        return dict(os.environ)

    def is_pinned_from_exec(self):
        return True

    def start(self, fresh=True, pinned=True):
        if fresh:
            shutil.rmtree(self.data, ignore_errors=True)
            self.prepare()
        self.spawn(pinned)
        self.wait_ready()

    def wait_ready(self, seconds=60):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended at its start, see {self.data}.log")
            try:
                with wire.Connection(self.port) as connection:
                    connection.call(18, 0, b"")
                    return
            except OSError:
                time.sleep(0.002)
        raise RuntimeError(f"{self.name} does not answer, see {self.data}.log")

    def stop(self, how=signal.SIGTERM):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def discard(self):
        self.stop(signal.SIGKILL)
        shutil.rmtree(self.data, ignore_errors=True)

    def create_topic(self, name, partitions=1, configs=None):
        """Creates it and waits until every partition has taken a record."""
        with wire.Connection(self.port) as connection:
            error = connection.create_topic(name, partitions, configs)
            if error not in (0, 36):
                raise RuntimeError(f"{self.name} answers CreateTopics with error {error}")
            probe_all(connection, name, partitions)

    def delete_topic(self, name):
        with wire.Connection(self.port) as connection:
            connection.delete_topic(name)
        time.sleep(1.2)  # Kafka removes the files a second later (log.segment.delete.delay.ms)


def probe_all(connection, topic, partitions):
    """One record to each partition; asks again while its leader is not known."""
    probe = wire.batch([b"probe"])
    for partition in range(partitions):
        for _ in range(10_000):
            error, _ = connection.produce(topic, partition, probe)
            if error == 0:
                break
            time.sleep(0.001)
        else:
            raise RuntimeError(f"{topic}-{partition} takes no record, error {error}")


class Semel(Peer):
    def __init__(self, name="semel", settings=None, folder=None):
        super().__init__(name, folder or re.sub(r"\W+", "-", name))
        self.settings = {"log.segment.delete.delay.ms": 1000, **(settings or {})}

    def command(self):
        words = [os.path.join(BIN, "semel"), "serve", "--data", self.data, "--listen", f"127.0.0.1:{self.port}"]
        for key, value in self.settings.items():
            words += ["--set", f"{key}={value}"]
        return words


class Kafka(Peer):
    def __init__(self, name="Kafka", settings=None, folder="kafka"):
        super().__init__(name, folder)
        self.settings = settings or {}
        self.controller_port = free_port()

    def is_pinned_from_exec(self):
        return False  # the JVM sizes itself for the machine, then its threads are moved

    def java(self):
        libs = kafka_libs()
        return ["java", "-Xms1g", "-Xmx1g", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
                "-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent",
                "-Djava.awt.headless=true", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", libs + "/*"]

    @property
    def properties(self):
        return self.data + ".properties"

    def prepare(self):
        os.makedirs(self.data, exist_ok=True)
        values = {
            "process.roles": "broker,controller", "node.id": 1,
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{self.controller_port}",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self.controller_port}",
            "controller.listener.names": "CONTROLLER", "log.dirs": self.data,
            "offsets.topic.replication.factor": 1, "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1, "log.segment.delete.delay.ms": 1000, **self.settings}
        with open(self.properties, "w") as file:
            file.writelines(f"{key}={value}\n" for key, value in values.items())
        with open(self.data + ".log", "ab") as log:
            subprocess.run(["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", kafka_libs() + "/*",
                            "org.apache.kafka.tools.StorageTool" if has_class("org/apache/kafka/tools/StorageTool")
                            else "kafka.tools.StorageTool", "format", "--standalone", "-t",
                            "AAAAAAAAAAAAAAAAAAAAAQ", "-c", self.properties],
                           stdout=log, stderr=log, check=True)

    def command(self):
        return self.java() + ["kafka.Kafka", self.properties]

    def live_heap(self):
        """Bytes of objects that a full collection leaves."""
        out = subprocess.run(["jcmd", str(self.pid), "GC.class_histogram"], stdout=subprocess.PIPE, text=True,
                             check=True).stdout
        return int(re.search(r"^Total\s+\d+\s+(\d+)", out, re.M).group(1))


_libs = None


def kafka_libs():
    global _libs
    if _libs is None:
        run = subprocess.run(["bash", "-c", f". {ROOT}/tests/compat/lib.sh; kafka_libs {KAFKA_VERSION}"],
                             stdout=subprocess.PIPE, text=True, check=False)
        if run.returncode != 0:
            raise RuntimeError("Apache Kafka cannot be laid out: Maven Central is not reached")
        _libs = run.stdout.strip()
    return _libs


def has_class(path):
    import zipfile
    for name in os.listdir(kafka_libs()):
        if name.startswith("kafka") and name.endswith(".jar"):
            with zipfile.ZipFile(os.path.join(kafka_libs(), name)) as jar:
                if path + ".class" in jar.namelist():
                    return True
    return False


class Floor(Peer):
    def __init__(self, name="floor", flush=False):
        super().__init__(name, re.sub(r"\W+", "-", name))
        self.flush = flush

    def command(self):
        os.makedirs(self.data, exist_ok=True)
        return [os.path.join(BIN, "semel_floor"), str(self.port), os.path.join(self.data, "log"),
                *(["--flush"] if self.flush else [])]

    def wait_ready(self, seconds=60):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                    return
            except OSError:
                time.sleep(0.002)
        raise RuntimeError("the floor does not listen")

    def create_topic(self, name, partitions=1, configs=None):
        """It has one file and no topics: a new start empties it."""
        self.stop()
        self.start()

    def delete_topic(self, name):
        self.discard()
