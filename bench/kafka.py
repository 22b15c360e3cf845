#!/usr/bin/env python3
"""semel beside Apache Kafka on one machine, interleaved. Results are kept as JSON, one file a workload,
and docs/benchmarks.md is written from all that are there; so parts can be measured again alone."""
import argparse
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time

import page
import peers
import workloads

RESULTS = os.path.join(peers.ROOT, "build/bench-results")


def in_own_network():
    """Loopback of its own with reno: bbr, where a host has it as default, paces loopback."""
    if os.environ.get("BENCH_NETWORK") or os.geteuid() != 0 or not shutil.which("unshare"):
        return
    peers.kafka_libs()  # what comes from outside comes before
    if subprocess.run(["unshare", "--net", "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
        os.environ["BENCH_NETWORK"] = "1"
        os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv])


def set_up_network():
    if os.environ.get("BENCH_NETWORK"):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        with open("/proc/sys/net/ipv4/tcp_congestion_control", "w") as file:
            file.write("reno")


def output_of(*words):
    try:
        run = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return run.stdout.strip()
    except OSError:
        return "unknown"


def machine():
    with open("/proc/cpuinfo") as file:
        model = re.search(r"model name\s*:\s*(.*)", file.read()).group(1)
    with open("/proc/meminfo") as file:
        memory = int(re.search(r"MemTotal:\s*(\d+)", file.read()).group(1)) / (1 << 20)
    with open("/proc/sys/net/ipv4/tcp_congestion_control") as file:
        congestion = file.read().strip()
    source = output_of("findmnt", "-no", "FSTYPE", "-T", peers.WORK)
    java = output_of("java", "-version").splitlines()
    return {"cpu": model, "cores": os.cpu_count(), "memory_gib": round(memory), "kernel": platform.release().split("-")[0],
            "file_system": source, "jvm": java[1] if len(java) > 1 else "unknown", "congestion": congestion,
            "pinned": peers.can_pin(), "date": time.strftime("%Y-%m-%d", time.gmtime()),
            "commit": os.environ.get("SEMEL_COMMIT", "not told") if "SEMEL_BIN" in os.environ
            else output_of("git", "-C", peers.ROOT, "rev-parse", "--short", "HEAD"),
            "kafka": peers.KAFKA_VERSION}


def chosen(text):
    """`1,4,7a`, where `7` means 7a and 7b."""
    if not text:
        return list(workloads.WORKLOADS)
    keys = []
    for word in text.split(","):
        found = [key for key in workloads.WORKLOADS if key == word or re.fullmatch(re.escape(word) + "[a-z]", key)]
        if not found:
            sys.exit(f"no workload {word}; there are {', '.join(workloads.WORKLOADS)}")
        keys += found
    return keys


def main():
    parser = argparse.ArgumentParser(prog="./dev bench kafka", description=__doc__)
    parser.add_argument("--only", metavar="LIST", help="workloads of the table, as 1,4,7a")
    parser.add_argument("--pairs", type=int, help="interleaved runs of each peer (5)")
    parser.add_argument("--quick", action="store_true", help="2 pairs, short spans: for development, not for figures")
    parser.add_argument("--page", action="store_true", help="only write docs/benchmarks.md from the results")
    arguments = parser.parse_args()
    if arguments.page:
        page.write(RESULTS)
        return
    keys = chosen(arguments.only)
    in_own_network()
    set_up_network()
    os.makedirs(peers.WORK, exist_ok=True)
    os.makedirs(RESULTS, exist_ok=True)
    bench = workloads.Bench(arguments.pairs or (2 if arguments.quick else 5), arguments.quick)
    failed = 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        for key in keys:
            title, durability, run = workloads.WORKLOADS[key]
            print(f"{key}: {title}", flush=True)
            started = time.monotonic()
            try:
                runs = run(bench)
            except (RuntimeError, OSError, subprocess.SubprocessError) as error:
                print(f"  FAILED: {error}", flush=True)
                failed += 1
                continue
            result = {"key": key, "title": title, "durability": durability, "quick": arguments.quick,
                      "pairs": bench.pairs, "machine": machine(), "runs": runs}
            with open(os.path.join(RESULTS, key + ".json"), "w") as file:
                json.dump(result, file, indent=1)
            print(page.summary(result) + f"  ({time.monotonic() - started:.0f} s)", flush=True)
    finally:
        bench.close()
    if not arguments.quick:
        page.write(RESULTS)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
