"""What is measured: each workload runs its peers in turn, pair by pair, and returns raw runs. Numbers
are those of the table in docs/benchmarks.md."""
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import time

import wire
from peers import BIN, LOAD_CPU, WORK, Floor, Kafka, Semel, can_pin, cpu_seconds, nice, probe_all, rss_bytes

GIB = 1 << 30
PAGE_CACHE = "page cache: semel.flush=os, Kafka as it comes; an acknowledgement survives kill -9, not a power cut"
FLUSHED = "flushed before the acknowledgement: flush.messages=1 on the topic of both"
DEFAULTS = ("both as they come: semel flushes before it acknowledges (semel.flush=auto, one replica), "
            "Kafka does not; not the same promise")


def busy_seconds():
    with open("/proc/stat") as file:
        values = [int(v) for v in file.readline().split()[1:]]
    return (sum(values[:3]) + sum(values[5:8])) / os.sysconf("SC_CLK_TCK")


def load(peer, mode, words, pinned=True):
    """Runs semel_load against a peer; its counts, and how many CPUs other work used meanwhile."""
    command = [os.path.join(BIN, "semel_load"), mode, "--port", str(peer.port), "--pid", str(peer.pid), *words]

    def child():
        nice()
        if pinned and can_pin():
            os.sched_setaffinity(0, {LOAD_CPU})

    busy, peer_before, started = busy_seconds(), cpu_seconds(peer.pid), time.monotonic()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=child,
                         start_new_session=True, timeout=600, check=False)
    if run.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {run.stderr.strip()} {run.stdout.strip()}")
    result = json.loads(run.stdout)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = after.ru_utime + after.ru_stime - usage.ru_utime - usage.ru_stime
    elapsed = time.monotonic() - started
    other = busy_seconds() - busy - own - (cpu_seconds(peer.pid) - peer_before)
    result["other_cpus"] = max(0.0, other / elapsed)
    result["command"] = "semel_load " + mode + " " + " ".join(words)
    return result


def per_request(result):
    n, cpu, seconds = result["requests"], result["broker_cpu_seconds"], result["seconds"]
    latency = result["latency_us"]
    values = {"cpu_us": cpu / n * 1e6, "cpu_s_per_gib": cpu / (result["bytes_sent"] / GIB), "per_second": n / seconds,
              "mib_per_second": result["bytes_sent"] / seconds / (1 << 20), "p50_us": latency["p50"],
              "p99_us": latency["p99"], "p999_us": latency["p999"], "max_us": latency["max"],
              "load_cpu": result["own_cpu_seconds"] / seconds, "broker_cpu": cpu / seconds,
              "other_cpus": result["other_cpus"], "errors": result["errors"]}
    if result.get("lateness_us", {}).get("count"):
        values["late_p999_us"] = result["lateness_us"]["p999"]
    return values


def per_fan_out(result):
    values = per_request(result)
    delivery = result["delivery_us"]
    values.update({"delivery_p50_us": delivery["p50"], "delivery_p99_us": delivery["p99"],
                   "delivery_p999_us": delivery["p999"]})
    return values


def per_fetch(result):
    cpu, got, seconds = result["broker_cpu_seconds"], result["bytes_received"], result["seconds"]
    return {"cpu_s_per_gib": cpu / (got / GIB), "mib_per_second": got / seconds / (1 << 20),
            "load_cpu": result["own_cpu_seconds"] / seconds, "broker_cpu": cpu / seconds,
            "other_cpus": result["other_cpus"]}


class Bench:
    """The peers of one invocation, started when they are first needed; they live side by side on the
    broker's CPU, and only one is under load at a time."""

    def __init__(self, pairs, quick):
        self.pairs, self.quick = pairs, quick
        self.peers = {}

    def peer(self, name):
        if name not in self.peers:
            peer = {"Kafka": lambda: Kafka(),
                    "semel": lambda: Semel("semel", {"semel.flush": "os", "semel.reactors": 1}),
                    "semel default": lambda: Semel("semel default", {"semel.reactors": 1}),
                    "floor": lambda: Floor(), "floor flush": lambda: Floor("floor flush", True)}[name]()
            self.peers[name] = peer
            peer.start()
            if name == "Kafka":
                self.warm(peer)
        return self.peers[name]

    def warm(self, kafka):
        """Mixed load until the JVM has compiled what it will compile: 8 CPU seconds of each size, or 2."""
        seconds = 2 if self.quick else 8
        kafka.create_topic("warm", 4)
        for words in (TINY, MIDDLE, LARGE):
            end = cpu_seconds(kafka.pid) + seconds
            while cpu_seconds(kafka.pid) < end:
                load(kafka, "produce", ["--topic", "warm", "--partitions", "4", "--warm-up", "0", "--requests",
                                        "20000" if words is TINY else "4000" if words is MIDDLE else "200", *words])
        load(kafka, "fetch", ["--topic", "warm", "--connections", "4", "--passes", "1"])
        kafka.delete_topic("warm")

    def turns(self, names):
        """(pair, peer), the order alternating from pair to pair."""
        for pair in range(self.pairs):
            for name in (names if pair % 2 == 0 else names[::-1]):
                yield pair, self.peer(name)

    def close(self):
        for peer in self.peers.values():
            peer.discard()


TINY = ["--connections", "64", "--in-flight", "5", "--record-bytes", "100"]
MIDDLE = ["--connections", "8", "--in-flight", "5", "--batch-bytes", "16384", "--record-bytes", "1000"]
LARGE = ["--connections", "4", "--in-flight", "2", "--batch-bytes", "1048576", "--record-bytes", "1000"]
SPARSE = ["--connections", "8", "--in-flight", "5", "--record-bytes", "1024", "--rate", "1000"]


class Steady:
    """A Produce load on a fresh topic per run."""

    def __init__(self, words, requests, names, mode="produce", partitions=1, flush=False):
        self.words, self.requests, self.names = words, requests, names
        self.mode, self.partitions, self.flush = mode, partitions, flush

    def __call__(self, bench):
        requests = self.requests // 4 if bench.quick else self.requests
        words = ["--topic", "bench", "--partitions", str(self.partitions), "--requests", str(requests), "--warm-up",
                 str(max(requests // 10, 50)), *self.words]
        runs = []
        for pair, peer in bench.turns(self.names):
            peer.create_topic("bench", self.partitions, {"flush.messages": 1} if self.flush else None)
            counter = FlushCounter(peer.pid) if self.flush else None
            result = load(peer, self.mode, words)
            values = (per_fan_out if self.mode == "fanout" else per_request)(result)
            if counter:
                values["flushes_per_request"] = counter.stop() / (result["requests"] + max(requests // 10, 50))
            runs.append({"peer": peer.name, "pair": pair, "command": result["command"], **values})
            peer.delete_topic("bench")
        return runs


class FlushCounter:
    """fsync, fdatasync and syncfs calls of a process, counted by the kernel's tracepoints."""
    EVENTS = ("fsync", "fdatasync", "syncfs", "sync_file_range")

    def __init__(self, pid):
        events = [word for name in self.EVENTS for word in ("-e", f"syscalls:sys_enter_{name}")]
        self.process = None
        if shutil.which("perf"):
            self.process = subprocess.Popen(["perf", "stat", "-x", ",", *events, "-p", str(pid)],
                                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            time.sleep(0.3)

    def stop(self):
        if self.process is None:
            return float("nan")
        self.process.send_signal(signal.SIGINT)
        text = self.process.communicate()[1]
        counts = re.findall(r"^(\d+),,syscalls", text, re.M)
        return sum(map(int, counts)) if counts else float("nan")


class CatchUp:
    """Warm reads of a whole log by four connections."""

    def __init__(self, batch_bytes):
        self.batch_bytes = batch_bytes

    def __call__(self, bench):
        names = ["Kafka", "semel", "floor"]
        size = GIB // 4 if bench.quick else GIB
        for name in names:
            peer = bench.peer(name)
            peer.create_topic("catchup")
            load(peer, "produce", ["--topic", "catchup", "--connections", "1", "--in-flight", "2", "--batch-bytes",
                                   str(self.batch_bytes), "--record-bytes", "1000", "--warm-up", "0", "--requests",
                                   str(size // self.batch_bytes)])
        runs = []
        for pair, peer in bench.turns(names):
            result = load(peer, "fetch", ["--topic", "catchup", "--connections", "4", "--passes", "2"])
            runs.append({"peer": peer.name, "pair": pair, "command": result["command"], **per_fetch(result)})
        for name in names:
            bench.peer(name).delete_topic("catchup")
        return runs


def fresh(name, settings=None):
    """A peer outside of the bench's own, for start, crash and memory."""
    return Kafka(folder="kafka-alone", settings=settings) if name == "Kafka" else \
        Semel("semel", settings, folder="semel-alone")


def first_produce(peer, started, topic, create=True):
    """Seconds from `started` until a record is taken."""
    record = wire.batch([b"first"])
    while True:
        try:
            with wire.Connection(peer.port, timeout=5) as connection:
                while create and connection.create_topic(topic) not in (0, 36):
                    time.sleep(0.0005)
                while connection.produce(topic, 0, record)[0] != 0:
                    time.sleep(0.0005)
                return time.monotonic() - started
        except OSError:
            if peer.process.poll() is not None:
                raise RuntimeError(f"{peer.name} ended, see {peer.data}.log") from None
            time.sleep(0.0005)


def idle(peer, seconds):
    time.sleep(1 if seconds < 5 else 25)  # what a start leaves to be written in the background is done by then
    before, started = cpu_seconds(peer.pid), time.monotonic()
    time.sleep(seconds)
    return {"idle_rss_mib": rss_bytes(peer.pid) / (1 << 20),
            "idle_cpu_percent": (cpu_seconds(peer.pid) - before) / (time.monotonic() - started) * 100}


def start_up(partitions):
    """exec to the first accepted Produce: on an empty directory, or again on one of many partitions."""
    def run(bench):
        runs = []
        for pair in range(bench.pairs):
            for name in ("Kafka", "semel")[::1 if pair % 2 == 0 else -1]:
                peer = fresh(name)
                shutil.rmtree(peer.data, ignore_errors=True)
                peer.prepare()
                if partitions > 1:
                    peer.start(fresh=False, pinned=False)
                    peer.create_topic("many", partitions)
                    peer.stop()
                started = time.monotonic()
                peer.spawn(pinned=False)
                values = {"first_produce_ms": 1000 * first_produce(peer, started, "many", partitions == 1)}
                values.update(idle(peer, 3 if bench.quick else 10))
                peer.discard()
                runs.append({"peer": name, "pair": pair, "command": "exec, CreateTopics, Produce", **values})
        return runs
    return run


def kill_nine(bench):
    """SIGKILL with 2 GiB in 100 partitions; the next process, to the first Produce and to all partitions."""
    size = GIB // 2 if bench.quick else 2 * GIB
    runs = []
    for pair in range(min(bench.pairs, 3)):
        for name in ("Kafka", "semel")[::1 if pair % 2 == 0 else -1]:
            peer = fresh(name, {"semel.flush": "os"} if name == "semel" else None)
            peer.start(pinned=False)
            peer.create_topic("crash", 100)
            result = load(peer, "produce", ["--topic", "crash", "--partitions", "100", *MIDDLE, "--warm-up", "0",
                                            "--requests", str(size // 16384)], pinned=False)
            peer.stop(signal.SIGKILL)
            started = time.monotonic()
            peer.spawn(pinned=False)
            values = {"first_produce_ms": 1000 * first_produce(peer, started, "crash", create=False)}
            with wire.Connection(peer.port) as connection:
                probe_all(connection, "crash", 100)
            values["every_partition_ms"] = 1000 * (time.monotonic() - started)
            values["cpu_s"] = cpu_seconds(peer.pid)
            peer.discard()
            runs.append({"peer": name, "pair": pair, "command": result["command"] + "; kill -9", **values})
    return runs


def weigh(peer):
    """The size of what the process holds: live heap of the JVM, resident bytes of semel."""
    return peer.live_heap() if isinstance(peer, Kafka) else rss_bytes(peer.pid)


def memory(bench):
    """Growth per producer id, per partition and per idle connection."""
    ids, partitions, connections = (20_000, 300, 500) if bench.quick else (100_000, 1000, 2000)
    runs = []
    for name in ("Kafka", "semel"):
        peer = fresh(name, {"semel.flush": "os"} if name == "semel" else None)
        peer.start(pinned=False)
        peer.create_topic("ids")
        words = ["--topic", "ids", "--in-flight", "5", "--record-bytes", "10", "--producers", str(ids)]
        load(peer, "produce", ["--topic", "ids", "--in-flight", "5", "--record-bytes", "10"], pinned=False)
        values = {}
        before = weigh(peer)
        load(peer, "produce", [*words, "--requests", str(ids), "--warm-up", "0"], pinned=False)
        values["per_id_1_batch_bytes"] = (weigh(peer) - before) / ids
        peer.create_topic("five")
        words[1] = "five"
        before = weigh(peer)
        load(peer, "produce", [*words, "--requests", str(5 * ids), "--warm-up", "0"], pinned=False)
        values["per_id_5_batches_bytes"] = (weigh(peer) - before) / ids
        before = weigh(peer)
        peer.create_topic("many", partitions)
        values["per_partition_bytes"] = (weigh(peer) - before) / partitions
        before = weigh(peer)
        sockets = [wire.Connection(peer.port) for _ in range(connections)]
        for one in sockets:
            one.call(18, 0, b"")
        time.sleep(1)
        values["per_connection_bytes"] = (weigh(peer) - before) / connections
        for one in sockets:
            one.close()
        peer.discard()
        runs.append({"peer": name, "pair": 0, "command": "semel_load produce " + " ".join(words), **values})
    return runs


def instructions(words, requests):
    """Instructions of a whole semel per request, by callgrind: the difference of two lengths."""
    totals = []
    binary = os.path.join(WORK, "semel-stripped")  # valgrind 3.19 gives up at clang's DWARF 5
    strip = shutil.which("llvm-strip-19") or shutil.which("strip")
    if strip is None or shutil.which("valgrind") is None:
        raise RuntimeError("valgrind and strip are needed: ./dev setup")
    subprocess.run([strip, "-g", "-o", binary, os.path.join(BIN, "semel")], check=True)
    for count in (requests, 3 * requests):
        peer = Semel("semel", {"semel.flush": "os", "semel.reactors": 1}, folder="semel-callgrind")
        shutil.rmtree(peer.data, ignore_errors=True)
        peer.prepare()
        out = os.path.join(WORK, "callgrind.out")
        words_of_semel = peer.command()[1:]
        peer.command = lambda w=words_of_semel: ["valgrind", "-q", "--tool=callgrind",
                                                 f"--callgrind-out-file={out}", binary, *w]
        peer.spawn()
        peer.wait_ready(120)
        peer.create_topic("bench")
        load(peer, "produce", ["--topic", "bench", "--warm-up", "0", "--requests", str(count), *words])
        peer.stop()
        shutil.rmtree(peer.data, ignore_errors=True)
        with open(out) as file:
            totals.append(int(re.search(r"^(?:summary|totals):\s*(\d+)", file.read(), re.M).group(1)))
        os.unlink(out)
    return (totals[1] - totals[0]) / (2 * requests)


def idempotence(words, requests):
    def run(bench):
        count = requests // 4 if bench.quick else requests
        runs = []
        for pair in range(1 if bench.quick else 2):
            for on in ("0", "1"):
                value = instructions([*words, "--idempotent", on], count)
                runs.append({"peer": "semel, idempotent" if on == "1" else "semel, plain", "pair": pair,
                             "command": "valgrind --tool=callgrind semel serve; semel_load produce " +
                             " ".join([*words, "--idempotent", on]), "instructions": value})
        return runs
    return run


THREE = ["Kafka", "semel", "floor"]
FLUSH_THREE = ["Kafka", "semel", "floor flush"]

# key: (title, durability class, what runs)
WORKLOADS = {
    "1": ("one record of 100 B, 64 connections × 5 in flight", PAGE_CACHE, Steady(TINY, 400_000, THREE)),
    "2": ("16 KiB batches, 8 × 5", PAGE_CACHE, Steady(MIDDLE, 98_304, THREE)),
    "3": ("1 MiB batches, 4 × 2", PAGE_CACHE, Steady(LARGE, 1536, THREE)),
    "4": ("1,000 requests/s × 1 KiB, open loop", PAGE_CACHE, Steady(SPARSE, 20_000, THREE)),
    "5": ("one producer at 64 MiB/s in 16 KiB batches, 3 tail consumers", PAGE_CACHE,
          Steady(["--batch-bytes", "16384", "--record-bytes", "1000", "--in-flight", "5", "--rate", "4096"], 16_384,
                 THREE, mode="fanout")),
    "6a": ("catch-up read, warm, 16 KiB batches", PAGE_CACHE, CatchUp(16_384)),
    "6b": ("catch-up read, warm, 1 MiB batches", PAGE_CACHE, CatchUp(1_048_576)),
    "7a": ("exec to the first accepted Produce, empty directory; idle after it", DEFAULTS, start_up(1)),
    "7b": ("the same on a directory of 1,000 partitions, stopped cleanly", DEFAULTS, start_up(1000)),
    "8": ("kill -9 with 2 GiB in 100 partitions", PAGE_CACHE, kill_nine),
    "9a": ("flush before the ack, 64 × 5 over 1 partition", FLUSHED, Steady(TINY, 8_000, FLUSH_THREE, flush=True)),
    "9b": ("flush before the ack, 64 × 5 over 100 partitions", FLUSHED,
           Steady(TINY, 20_000, FLUSH_THREE, partitions=100, flush=True)),
    "9c": ("flush before the ack, 200 × 5 over 1,000 partitions", FLUSHED,
           Steady(["--connections", "200", "--in-flight", "5", "--record-bytes", "100"], 20_000, FLUSH_THREE,
                  partitions=1000, flush=True)),
    "10": ("memory per producer id, partition and idle connection", PAGE_CACHE, memory),
    "11a": ("idempotence on and off, single records", PAGE_CACHE, idempotence(TINY, 8000)),
    "11b": ("idempotence on and off, 16 KiB batches", PAGE_CACHE, idempotence(MIDDLE, 1000)),
    "12a": ("as 1, both as they come", DEFAULTS, Steady(TINY, 100_000, ["Kafka", "semel default"])),
    "12b": ("as 2, both as they come", DEFAULTS, Steady(MIDDLE, 32_768, ["Kafka", "semel default"])),
    "12c": ("as 4, both as they come", DEFAULTS, Steady(SPARSE, 6000, ["Kafka", "semel default"])),
}
