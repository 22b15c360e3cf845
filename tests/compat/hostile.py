"""A good client among hostile peers: `hostile.py PORT PID OTHER_PORT LOAD MEMORY_BYTES`.

Measures the p99 of an open-loop producer (LOAD = semel_load) alone, while each kind of bad peer plagues another
broker on the same machine, and while it plagues the producer's own; and the broker's resident memory meanwhile.
The other broker shows what the peers' own hunger for the processors costs, which no broker can help.
The promise: memory stays within the budget + 10 %, and sharing the broker at most doubles the good client's p99.
Each figure is that of the quietest of three interleaved rounds: a busy machine only ever adds."""
import json
import pathlib
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import wire  # noqa: E402

ROUNDS = 3
NOISE_US = 300


def connect(port):
    peer = socket.create_connection(("127.0.0.1", port), timeout=10)
    return peer


def idle_sockets(port, stop):
    """10,000 connections that never say a word."""
    peers = [connect(port) for _ in range(10_000)]
    stop.wait()
    return peers


def slow_senders(port, stop):
    """500 frames of 90 MiB announced, sent byte by byte."""
    peers = [connect(port) for _ in range(500)]
    for peer in peers:
        peer.setblocking(False)
        try:
            peer.send(struct.pack(">i", 90 << 20) + struct.pack(">hhi", 0, 7, 1))
        except OSError:
            pass
    while not stop.wait(0.2):
        for peer in peers:
            try:
                peer.send(b"\0")
            except OSError:
                pass
    return peers


def no_readers(port, stop):
    """Fetches whose answers nobody reads."""
    peers = []
    while not stop.wait(0.01):
        if len(peers) == 200:
            continue
        try:
            peer = wire.Connection(port, timeout=1)
            for _ in range(50):
                body = struct.pack(">iiiibii", -1, 0, 0, 50 << 20, 0, 0, -1)
                body += struct.pack(">i", 1) + wire.text("good") + struct.pack(">iiiqqi", 1, 0, -1, 0, -1, 50 << 20)
                peer.send(1, 11, body + struct.pack(">i", 0) + wire.text(""))
            peers.append(peer)
        except OSError:
            pass
    return peers


def liars(port, stop):
    """Lengths and counts that are not true, new connections all the time."""
    lies = [struct.pack(">i", -1), struct.pack(">i", 0x7FFFFFFF), struct.pack(">i", 0),
            struct.pack(">ihhi", 60, 0, 7, 1) + b"\xff\xff" + struct.pack(">hhii", -1, -1, 30_000, 0x7FFFFFFF) + b"\0" * 40,
            struct.pack(">ihhi", 60, 3, 9, 1) + b"\xff" * 56, b"GET / HTTP/1.1\r\n\r\n"]
    turn = 0
    while not stop.is_set():
        try:
            peer = connect(port)
            peer.sendall(lies[turn % len(lies)])
            peer.settimeout(0.05)
            peer.recv(64)
        except OSError:
            pass
        peer.close()
        turn += 1
    return [turn]


def varint(value):
    out, value = b"", (value << 1) ^ (value >> 63)
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def batch_of(codec, packed):
    checked = struct.pack(">hiqqqhii", codec, 0, 0, 0, -1, -1, -1, 1) + packed
    return struct.pack(">qiibI", 0, len(checked) + 9, -1, 2, wire.crc32c(checked)) + checked


def gzip_bomb(zeros):
    """One well-formed record whose value is so many zeros."""
    value = b"\0\0\0\x01" + varint(zeros)
    packer = zlib.compressobj(9, wbits=31)
    packed = packer.compress(varint(len(value) + zeros + 1) + value)
    for _ in range(zeros >> 20):
        packed += packer.compress(b"\0" * (1 << 20))
    return batch_of(1, packed + packer.compress(b"\0") + packer.flush())


def zstd_bomb(blocks):
    """A frame of blocks that each say: 128 KiB of the same byte (RFC 8878, 3.1.1.2.3)."""
    block = struct.pack("<I", (128 << 10) << 3 | 1 << 1)[:3] + b"\0"
    last = struct.pack("<I", (128 << 10) << 3 | 1 << 1 | 1)[:3] + b"\0"
    return batch_of(4, b"\x28\xb5\x2f\xfd\x00\x58" + block * (blocks - 1) + last)


def bombs(port, stop):
    """Batches of 200 kB and 33 kB that would be 200 MB and 1 GB unpacked."""
    fuses = [gzip_bomb(200 << 20), zstd_bomb(8192)]
    sent = 0
    while not stop.is_set():
        try:
            with wire.Connection(port, timeout=5) as peer:
                for _ in range(10):
                    error, _ = peer.produce("good", 0, fuses[sent % len(fuses)])
                    if error == 0:
                        raise SystemExit("a decompression bomb was stored")
                    sent += 1
                    if stop.is_set():
                        break
        except OSError:
            pass
    return [sent]


def crowd(port, stop, frame, pipelined, pause):
    """40 peers that send `frame` so often at once, and read nothing for `pause` seconds."""
    def one():
        while not stop.is_set():
            try:
                peer = connect(port)
                for _ in range(pipelined):
                    peer.sendall(frame)
                stop.wait(pause)
                peer.close()
            except OSError:
                pass
    peers = [threading.Thread(target=one, daemon=True) for _ in range(40)]
    for peer in peers:
        peer.start()
    return peers


def frame_of(key, version, body):
    request = struct.pack(">hhih", key, version, 1, -1) + body
    return struct.pack(">i", len(request)) + request


def many_batches(port, stop):
    """Produce requests of 100,000 batches."""
    batch = wire.batch([b""])
    partitions = (struct.pack(">ii", 0, len(batch)) + batch) * 100_000
    body = struct.pack(">hhii", -1, -1, 30_000, 1) + wire.text("good") + struct.pack(">i", 100_000) + partitions
    return crowd(port, stop, frame_of(0, 7, body), 2, 0.2)


def many_polls(port, stop):
    """Long polls of 20,000 partitions, their answers not read."""
    partitions = struct.pack(">iiqqi", 0, -1, 0, -1, 1) * 20_000
    body = struct.pack(">iiiibii", -1, 600_000, 1 << 30, 1 << 30, 0, 0, -1) + struct.pack(">i", 1) + wire.text("good")
    body += struct.pack(">i", 20_000) + partitions + struct.pack(">i", 0) + wire.text("")
    return crowd(port, stop, frame_of(1, 11, body), 60, 20)


def many_topics(port, stop):
    """CreateTopics of 100,000 topics that are not made."""
    topics = b"".join(wire.text(f"t{i}") + struct.pack(">ihii", 1, 1, 0, 0) for i in range(100_000))
    return crowd(port, stop, frame_of(19, 4, struct.pack(">i", 100_000) + topics + struct.pack(">ib", 30_000, 1)), 2, 5)


def of_status(pid, name):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"no {name} of process {pid}")


def resident(pid):
    return of_status(pid, "VmRSS")


def p99(load, port):
    text = subprocess.run([load, "produce", "--port", str(port), "--topic", "good", "--rate", "500",
                           "--record-bytes", "1024", "--requests", "1500", "--warm-up", "200"],
                          capture_output=True, text=True, check=True).stdout
    result = json.loads(text)
    if result["errors"]:
        raise SystemExit(f"the good client met {result['errors']} errors")
    return result["latency_us"]["p99"]


class Plague:
    """One kind of bad peer at work on one broker."""

    def __init__(self, bad, port):
        self.stop = threading.Event()
        self.kept = []
        self.thread = threading.Thread(target=lambda: self.kept.append(bad(port, self.stop)))
        self.thread.start()
        time.sleep(6 if bad is idle_sockets else 2)

    def end(self):
        self.stop.set()
        self.thread.join()
        self.kept.clear()
        time.sleep(1)


BESIDE = (idle_sockets, slow_senders, no_readers, liars, bombs)


def main():
    port, pid, other_port, load = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    budget = int(sys.argv[5])
    for each in (port, other_port):
        with wire.Connection(each) as admin:
            admin.create_topic("good")
    failed = False
    for bad in BESIDE:
        alone, elsewhere, beside, memory = [], [], [], 0
        for _ in range(ROUNDS):
            alone.append(p99(load, port))
            plague = Plague(bad, other_port)
            elsewhere.append(p99(load, port))
            plague.end()
            plague = Plague(bad, port)
            beside.append(p99(load, port))
            memory = max(memory, resident(pid))
            plague.end()
        bound = 2 * max(min(alone), min(elsewhere)) + NOISE_US
        verdicts = [f"p99 {min(alone):.0f} us alone, {min(elsewhere):.0f} with them at another broker, "
                    f"{min(beside):.0f} with them here", f"resident {memory >> 20} MiB"]
        if min(beside) > bound:
            verdicts.append(f"FAIL: more than {bound:.0f} us")
        if memory > budget * 1.1:
            verdicts.append(f"FAIL: more than {budget * 1.1 / (1 << 20):.0f} MiB")
        failed = failed or len(verdicts) > 2
        print(f"{bad.__name__} ({bad.__doc__.rstrip('.')}): " + ", ".join(verdicts), flush=True)
    # Every one of these is a request that a broker may be sent; only their memory is judged.
    for bad in (many_batches, many_polls, many_topics):
        plague = Plague(bad, port)
        time.sleep(10)
        plague.end()
        memory = of_status(pid, "VmHWM")
        verdict = "" if memory <= budget * 1.1 else ", FAIL"
        failed = failed or verdict != ""
        print(f"{bad.__name__} ({bad.__doc__.rstrip('.')}): at most {memory >> 20} MiB so far{verdict}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
