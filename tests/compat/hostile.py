"""A good client among hostile peers: `hostile.py PORT PID LOAD MEMORY_BYTES`.

Measures the p99 of an open-loop producer (LOAD = semel_load) alone and beside each kind of bad peer, and the
broker's resident memory meanwhile. The promise: memory stays within the budget + 10 %, and the good client's
p99 at most doubles (the median of three rounds; a floor of 5 ms keeps a busy machine's noise out)."""
import gzip
import json
import pathlib
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import wire  # noqa: E402

ROUNDS = 3
NOISE_US = 5_000


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


def bombs(port, stop):
    """Batches of 100 kB that would be 100 MB unpacked."""
    packed = gzip.compress(b"\0" * (100 << 20), 9)
    checked = struct.pack(">hiqqqhii", 1, 0, 0, 0, -1, -1, -1, 1) + packed
    batch = struct.pack(">qiibI", 0, len(checked) + 9, -1, 2, wire.crc32c(checked)) + checked
    peers = 0
    while not stop.is_set():
        try:
            with wire.Connection(port, timeout=5) as peer:
                for _ in range(20):
                    error, _ = peer.produce("good", 0, batch)
                    if error == 0:
                        raise SystemExit("a decompression bomb was stored")
                    peers += 1
        except OSError:
            pass
    return [peers]


def resident(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024
    return 0


def p99(load, port):
    figures = []
    for _ in range(ROUNDS):
        text = subprocess.run([load, "produce", "--port", str(port), "--topic", "good", "--rate", "500",
                               "--record-bytes", "1024", "--requests", "1500", "--warm-up", "200"],
                              capture_output=True, text=True, check=True).stdout
        result = json.loads(text)
        if result["errors"]:
            raise SystemExit(f"the good client met {result['errors']} errors")
        figures.append(result["latency_us"]["p99"])
    return statistics.median(figures)


def main():
    port, pid, load, budget = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    with wire.Connection(port) as admin:
        admin.create_topic("good")
    alone = p99(load, port)
    bound = max(2 * alone, alone + NOISE_US)
    print(f"alone: p99 {alone:.0f} us, resident {resident(pid) >> 20} MiB")
    failed = False
    for bad in (idle_sockets, slow_senders, no_readers, liars, bombs):
        stop = threading.Event()
        kept = []
        thread = threading.Thread(target=lambda: kept.append(bad(port, stop)))
        thread.start()
        time.sleep(6 if bad is idle_sockets else 2)
        beside = p99(load, port)
        memory = resident(pid)
        stop.set()
        thread.join()
        verdicts = [f"p99 {beside:.0f} us", f"resident {memory >> 20} MiB"]
        if beside > bound:
            verdicts.append(f"FAIL: more than {bound:.0f} us")
        if memory > budget * 1.1:
            verdicts.append(f"FAIL: more than {budget * 1.1 / (1 << 20):.0f} MiB")
        failed = failed or len(verdicts) > 2
        print(f"{bad.__name__} ({bad.__doc__.rstrip('.')}): " + ", ".join(verdicts))
        del kept
        time.sleep(1)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
