"""One data directory served by semel and by real Kafka in turn, under one idempotent producer that
keeps its id and its sequence over every change. See interchange.sh."""
import argparse
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "bench"))
import wire  # noqa: E402

RETRIABLE = {3, 5, 6, 7, 19, 56}  # what a broker may say while it starts
WINDOW = 5


class Wrong(Exception):
    pass


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def check(is_right, what):
    if not is_right:
        raise Wrong(what)


class Broker:
    """One or two processes that serve the directory."""

    def __init__(self, name, port, commands, log):
        self.name, self.port, self.commands, self.log = name, port, commands, log
        self.processes = []

    def start(self):
        for command in self.commands:
            with open(self.log, "ab") as log:
                self.processes.append(subprocess.Popen(command, stdout=log, stderr=log))
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            for process in self.processes:
                check(process.poll() is None, f"{self.name} ended on this directory, see {self.log}")
            try:
                connection = wire.Connection(self.port)
                connection.call(18, 0, b"")
                return connection
            except OSError:
                time.sleep(0.05)
        raise Wrong(f"{self.name} does not answer on this directory, see {self.log}")

    def stop(self, how=signal.SIGTERM):
        for process in reversed(self.processes):  # the broker before its controller
            if process.poll() is None:
                process.send_signal(how)
            process.wait(60)
        self.processes = []


class Producer:
    """Raw and idempotent; remembers every batch with the offset that it was acknowledged with."""

    def __init__(self, connection, topic):
        self.topic = topic
        self.id, self.epoch = connection.new_producer()
        self.sent = []  # (batch, base offset)
        self.values = 0

    def put(self, connection, batch):
        deadline = time.monotonic() + 30
        while True:
            error, offset = connection.produce(self.topic, 0, batch)
            if error not in RETRIABLE or time.monotonic() > deadline:
                return error, offset
            time.sleep(0.05)

    def send(self, connection, count):
        values = [f"value-{self.values + i}".encode() for i in range(count)]
        batch = wire.batch(values, (self.id, self.epoch, self.values))
        error, offset = self.put(connection, batch)
        check(error == 0, f"sequence {self.values} of the producer is refused with error {error}")
        check(offset == self.values, f"sequence {self.values} is stored at offset {offset}")
        self.sent.append((batch, offset))
        self.values += count

    def send_again(self, connection, back):
        """Re-sends the batch that is `back` before the newest; true if it is answered as a duplicate."""
        batch, offset = self.sent[-1 - back]
        error, answered = self.put(connection, batch)
        check(error in (0, 45), f"a re-sent batch is answered with error {error}")
        check(error != 0 or answered == offset, f"a re-sent batch of offset {offset} is answered with {answered}")
        return error == 0


def read_all(connection, topic):
    values, offset = [], 0
    while True:
        error, high_watermark, batches = connection.fetch(topic, 0, offset)
        check(error == 0, f"Fetch of {topic} at {offset} fails with error {error}")
        if offset >= high_watermark:
            return values
        for at, value in wire.records_of(batches):
            if at >= offset:
                check(at == offset, f"{topic}: offset {at} where {offset} was expected")
                values.append(value)
                offset += 1


def take_turns(brokers, turns, how):
    """brokers: semel first. Returns what to say."""
    producer, made, recognised = None, [], {"semel": 0, "Kafka": 0}
    for turn in range(turns):
        broker = brokers[turn % 2]
        connection = broker.start()
        if producer is None:
            check(connection.create_topic("turns") == 0, "the topic cannot be created")
            producer = Producer(connection, "turns")
        else:
            check(producer.send_again(connection, 0),
                  f"{broker.name}, turn {turn}: the last batch before the change is not recognised")
            for back in range(1, WINDOW):
                is_known = producer.send_again(connection, back)
                recognised[broker.name] += is_known
                check(is_known or broker.name == "Kafka", f"semel, turn {turn}: batch −{back} is not recognised")
        for count in (1, 3, 1, 2, 5, 1, 4, 2):
            producer.send(connection, count)
        wanted = [f"value-{i}".encode() for i in range(producer.values)]
        check(read_all(connection, "turns") == wanted, f"{broker.name}, turn {turn}: records are lost or doubled")
        topic = f"made-in-turn-{turn}"
        check(connection.create_topic(topic) == 0, f"{broker.name}, turn {turn}: {topic} cannot be created")
        check(producer.put(connection, producer.sent[-1][0])[0] == 0, "a duplicate is not recognised at once")
        other = Producer(connection, topic)
        other.send(connection, 3)
        made.append(topic)
        for topic in made:
            check(len(read_all(connection, topic)) == 3, f"{broker.name}, turn {turn}: {topic} is not as it was made")
        connection.close()
        broker.stop(how)
    older = (turns // 2) * (WINDOW - 1)
    return (f"{turns} turns, {producer.values} records each once, the last batch recognised after every change, the four "
            f"before it {recognised['semel']} times of {((turns - 1) // 2) * (WINDOW - 1)} by semel, "
            f"{recognised['Kafka']} of {older} by Kafka")


def java(options, properties):
    return ["java", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", options.libs + "/*", "kafka.Kafka", properties]


def write_properties(path, values):
    common = {"offsets.topic.replication.factor": 1, "broker.session.timeout.ms": 3000,
              "broker.heartbeat.interval.ms": 500}
    with open(path, "w") as file:
        file.writelines(f"{key}={value}\n" for key, value in {**common, **values}.items())
    return path


def combined(options, folder, how, turns):
    """process.roles=broker,controller: one directory, one node, one file of properties for both."""
    port, controller = free_port(), free_port()
    listeners = f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}"
    properties = write_properties(os.path.join(folder, "server.properties"), {
        "process.roles": "broker,controller", "node.id": 1, "listeners": listeners, "advertised.listeners": listeners,
        "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}", "controller.listener.names": "CONTROLLER",
        "log.dirs": os.path.join(folder, "data")})
    storage = os.path.join(folder, "kafka-storage.sh")
    os.symlink(options.semel, storage)
    subprocess.run([storage, "format", "--standalone", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c", properties],
                   stdout=subprocess.DEVNULL, check=True)
    return take_turns([Broker("semel", port, [[options.semel, "serve", properties]], folder + "/semel.log"),
                       Broker("Kafka", port, [java(options, properties)], folder + "/kafka.log")], turns, how)


def separate(options, folder, how, turns):
    """semel's own layout: DIR/broker and DIR/controller, the controller a node of its own. Kafka serves it
    with a controller process and a broker process."""
    port, controller = free_port(), free_port()
    data = os.path.join(folder, "data")
    quorum = {"controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}", "controller.listener.names": "CONTROLLER"}
    as_controller = write_properties(os.path.join(folder, "controller.properties"), {
        **quorum, "process.roles": "controller", "node.id": 1001, "log.dirs": data + "/controller",
        "listeners": f"CONTROLLER://127.0.0.1:{controller}"})
    as_broker = write_properties(os.path.join(folder, "broker.properties"), {
        **quorum, "process.roles": "broker", "node.id": 1, "log.dirs": data + "/broker",
        "listeners": f"PLAINTEXT://127.0.0.1:{port}"})
    semel = [options.semel, "serve", "--data", data, "--listen", f"127.0.0.1:{port}"]
    return take_turns([Broker("semel", port, [semel], folder + "/semel.log"),
                       Broker("Kafka", port, [java(options, as_controller), java(options, as_broker)],
                              folder + "/kafka.log")], turns, how)


def old_folders(options, folder):
    """Partition folders that Kafka 2.6.0 wrote: the same bytes are fetched, and its producers' last batches
    are recognised from its .snapshot."""
    source = os.path.join(ROOT, "tests/golden/kafka-2.6.0/kafka-logs-1")
    names = ["peter-test04-0", "peter-test05-0", *sorted(n for n in os.listdir(source) if n.startswith("dd-"))]
    topics = {}
    for name in names:
        topics.setdefault(name.rsplit("-", 1)[0], []).append(int(name.rsplit("-", 1)[1]))
    port, data = free_port(), os.path.join(folder, "data")
    semel = Broker("semel", port, [[options.semel, "serve", "--data", data, "--listen", f"127.0.0.1:{port}",
                                    "--set", "log.retention.ms=-1"]], folder + "/semel.log")
    connection = semel.start()
    for topic, partitions in topics.items():
        check(connection.create_topic(topic, max(partitions) + 1) == 0, f"{topic} cannot be created")
    connection.close()
    semel.stop()
    for name in names:
        target = os.path.join(data, "broker", name)
        shutil.rmtree(target)
        shutil.copytree(os.path.join(source, name), target, ignore=shutil.ignore_patterns("*.txt"))
    connection = semel.start()
    recognised = 0
    for name in names:
        topic, partition = name.rsplit("-", 1)
        with open(os.path.join(source, name, "0" * 20 + ".log"), "rb") as file:
            wanted = file.read()
        error, high_watermark, got = connection.fetch(topic, int(partition), 0)
        check(error == 0 and got == wanted, f"{name}: error {error}, {len(got)} bytes fetched, {len(wanted)} in the file")
        newest = {}  # producer id → its newest batch and that batch's offset
        at = 0
        while at < len(wanted):
            offset, length = struct.unpack_from(">qi", wanted, at)
            attributes, producer = struct.unpack_from(">h", wanted, at + 21)[0], struct.unpack_from(">q", wanted, at + 43)[0]
            if producer >= 0 and not attributes & 0x30:
                sent = struct.pack(">qii", 0, length, -1) + wanted[at + 16:at + 12 + length]  # as it came
                newest[producer] = (sent, offset)
            at += 12 + length
        for batch, offset in newest.values():
            error, answered = connection.produce(topic, int(partition), batch)
            check((error, answered) == (0, offset), f"{name}: a re-sent batch of offset {offset} is answered with error "
                  f"{error}, offset {answered}")
            recognised += 1
        check(connection.fetch(topic, int(partition), 0)[1] == high_watermark, f"{name}: a duplicate was stored")
    connection.close()
    semel.stop()
    return f"{len(names)} folders byte for byte, {recognised} producers' last batches recognised"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--semel", required=True)
    parser.add_argument("--libs", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--only")
    options = parser.parse_args()
    runs = {
        "combined": lambda f: combined(options, f, signal.SIGTERM, options.turns),
        "combined, kill -9": lambda f: combined(options, f, signal.SIGKILL, options.turns),
        "separate": lambda f: separate(options, f, signal.SIGTERM, options.turns),
        "separate, kill -9": lambda f: separate(options, f, signal.SIGKILL, options.turns),
        "2.6.0 folders": lambda f: old_folders(options, f),
    }
    failed = 0
    for name, run in runs.items():
        if options.only and name not in options.only.split(";"):
            continue
        folder = os.path.join(options.work, name.replace(" ", "-").replace(",", ""))
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        started, brokers = time.monotonic(), []
        start = Broker.start
        Broker.start = lambda self, b=brokers, s=start: (b.append(self), s(self))[1]
        try:
            print(f"compat: ok interchange {name}: {run(folder)} ({time.monotonic() - started:.0f} s)", flush=True)
        except (Wrong, OSError, subprocess.SubprocessError) as error:
            print(f"compat: FAIL interchange {name}: {error}", flush=True)
            failed += 1
        finally:
            Broker.start = start
            for broker in brokers:
                broker.stop(signal.SIGKILL)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
