"""docs/benchmarks.md and its plots, from the JSON of all workloads. `./dev bench kafka --page`."""
import json
import os
import re

import plot

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGE = os.path.join(ROOT, "docs/benchmarks.md")
PLOTS = os.path.join(ROOT, "docs/benchmarks")

# figure: (what it is, digits)
FIGURES = {
    "cpu_us": ("CPU, µs/request", 2), "cpu_s_per_gib": ("CPU, s/GiB", 3), "per_second": ("requests/s", 0),
    "mib_per_second": ("MiB/s", 0), "p50_us": ("p50, µs", 0), "p99_us": ("p99, µs", 0),
    "p999_us": ("p99.9, µs", 0), "max_us": ("max, µs", 0),
    "late_p999_us": ("of it the generator's own delay, p99.9, µs", 0), "delivery_p50_us": ("delivery p50, µs", 0),
    "delivery_p99_us": ("delivery p99, µs", 0), "delivery_p999_us": ("delivery p99.9, µs", 0),
    "flushes_per_request": ("flushes per request", 4), "first_produce_ms": ("to the first Produce, ms", 1),
    "every_partition_ms": ("to every partition, ms", 1), "cpu_s": ("CPU until then, s", 2),
    "idle_rss_mib": ("idle, resident MiB", 1), "idle_cpu_percent": ("idle, % of a core", 2),
    "per_id_1_batch_bytes": ("per producer id, 1 batch, bytes", 0),
    "per_id_5_batches_bytes": ("per producer id, 5 batches, bytes", 0),
    "per_partition_bytes": ("per partition, bytes", 0), "per_connection_bytes": ("per idle connection, bytes", 0),
    "instructions": ("instructions/request", 0), "broker_cpu": ("broker, CPUs used", 2),
    "load_cpu": ("load generator, CPUs used", 2), "other_cpus": ("other work meanwhile, CPUs", 2),
}
# workload: [(figure, goal as text, test of the ratio Kafka ÷ semel or of semel's and the floor's own values)]
GOALS = {
    "1": [("cpu_us", "≥ 4× less", lambda k, s, f: k / s >= 4)],
    "2": [("cpu_s_per_gib", "≥ 3× less", lambda k, s, f: k / s >= 3)],
    "3": [("cpu_s_per_gib", "≥ 2× less", lambda k, s, f: k / s >= 2)],
    "4": [("cpu_us", "≤ 1.3 × floor", lambda k, s, f: s <= 1.3 * f), ("p999_us", "≥ 2× less", lambda k, s, f: k / s >= 2)],
    "5": [("cpu_us", "≥ 3× less", lambda k, s, f: k / s >= 3)],
    "6a": [("cpu_s_per_gib", "≥ 1.2× less", lambda k, s, f: k / s >= 1.2)],
    "6b": [("cpu_s_per_gib", "never more", lambda k, s, f: s <= k)],
    "7a": [("first_produce_ms", "< 50 ms", lambda k, s, f: s < 50), ("idle_rss_mib", "< 30 MB", lambda k, s, f: s < 28.6),
           ("idle_cpu_percent", "< 0.2 %", lambda k, s, f: s < 0.2)],
    "7b": [("first_produce_ms", "< 150 ms", lambda k, s, f: s < 150), ("idle_cpu_percent", "< 0.2 %", lambda k, s, f: s < 0.2)],
    "8": [("first_produce_ms", "< 500 ms", lambda k, s, f: s < 500), ("every_partition_ms", "< 500 ms", lambda k, s, f: s < 500)],
    "9a": [("per_second", "≥ 3× more", lambda k, s, f: s / k >= 3)],
    "9b": [("per_second", "≥ 3× more", lambda k, s, f: s / k >= 3)],
    "9c": [("per_second", "≥ 3× more", lambda k, s, f: s / k >= 3)],
    "10": [("per_id_1_batch_bytes", "≤ 130", lambda k, s, f: s <= 130), ("per_id_5_batches_bytes", "≤ 230", lambda k, s, f: s <= 230),
           ("per_partition_bytes", "≤ 8 KiB", lambda k, s, f: s <= 8192), ("per_connection_bytes", "≤ 2 KiB", lambda k, s, f: s <= 2048)],
}
INSTRUCTION_GOALS = {"11a": 1.03, "11b": 1.01}
MORE_IS_BETTER = {"per_second", "mib_per_second"}


def median(values):
    values = sorted(v for v in values if v == v)
    middle = len(values) // 2
    if not values:
        return float("nan")
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def number(value, digits):
    return "–" if value != value else f"{value:,.{digits}f}"


class Result:
    def __init__(self, data):
        self.__dict__.update(data)
        self.names = list(dict.fromkeys(run["peer"] for run in self.runs))
        self.figures = [k for k in FIGURES if any(k in run for run in self.runs)]

    def values(self, peer, figure):
        return [run[figure] for run in self.runs if run["peer"] == peer and figure in run]

    def median(self, peer, figure):
        return median(self.values(peer, figure))

    def peer(self, start):
        """The peer whose name starts so, or None."""
        return next((name for name in self.names if name.startswith(start)), None)

    def cell(self, peer, figure):
        values = [v for v in self.values(peer, figure) if v == v]
        digits = FIGURES[figure][1]
        if not values:
            return "–"
        if len(values) == 1:
            return number(values[0], digits)
        return f"{number(median(values), digits)} [{number(min(values), digits)}–{number(max(values), digits)}]"

    def ratios(self, figure):
        """Kafka ÷ semel of each pair (the other way round where more is better), sorted."""
        kafka, semel = self.peer("Kafka"), self.peer("semel")
        found = []
        for pair in {run["pair"] for run in self.runs}:
            values = {run["peer"]: run.get(figure) for run in self.runs if run["pair"] == pair}
            a, b = values.get(kafka), values.get(semel)
            if a and b and a == a and b == b:
                found.append(b / a if figure in MORE_IS_BETTER else a / b)
        return sorted(found)

    def ratio_cell(self, figure):
        ratios = self.ratios(figure)
        if not ratios:
            return "–"
        text = f"{median(ratios):.2f}×"
        return text if len(ratios) == 1 else f"{text} [{ratios[0]:.2f}–{ratios[-1]:.2f}]"


def summary(data):
    """For the terminal."""
    result = Result(data)
    lines = []
    for figure in result.figures:
        cells = "  ".join(f"{name} {result.cell(name, figure)}" for name in result.names)
        lines.append(f"  {FIGURES[figure][0]:32} {cells}  ratio {result.ratio_cell(figure)}")
    return "\n".join(lines) + "\n"


def goal_rows(result):
    kafka, semel, floor = result.peer("Kafka"), result.peer("semel"), result.peer("floor")
    for figure, goal, is_met in GOALS.get(result.key, []):
        values = [result.median(name, figure) if name else float("nan") for name in (kafka, semel, floor)]
        digits = FIGURES[figure][1]
        yield (f"| {result.key} | {result.title} | {FIGURES[figure][0]} | " + " | ".join(number(v, digits) for v in values)
               + f" | {result.ratio_cell(figure)} | {goal} | {'yes' if is_met(*values) else '**no**'} |")
    if result.key in INSTRUCTION_GOALS:
        off, on = (result.median(name, "instructions") for name in ("semel, plain", "semel, idempotent"))
        goal = INSTRUCTION_GOALS[result.key]
        yield (f"| {result.key} | {result.title} | instructions/request | – | {off:,.0f} → {on:,.0f} | – | {on / off:.3f} on ÷ off "
               f"| ≤ {goal} | {'yes' if on / off <= goal else '**no**'} |")


def section(result):
    lines = [f"### {result.key}: {result.title}", ""]
    lines.append("| | " + " | ".join(result.names) + " | Kafka ÷ semel, per pair |")
    lines.append("|---" * (len(result.names) + 2) + "|")
    for figure in result.figures:
        cells = " | ".join(result.cell(name, figure) for name in result.names)
        ratio = "" if figure in ("load_cpu", "other_cpus", "broker_cpu", "instructions", "late_p999_us") else result.ratio_cell(figure)
        lines.append(f"| {FIGURES[figure][0]} | {cells} | {ratio} |")
    commands = list(dict.fromkeys(run["command"] for run in result.runs))
    lines += ["", f"`./dev bench kafka --only {result.key} --pairs {result.pairs}`" + (" (quick)" if result.quick else "")
              + f", {result.machine['date']}, commit {result.machine['commit']}; load: `{commands[0]}`", ""]
    return lines


def load_results(folder):
    results = []
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        if name.endswith(".json"):
            with open(os.path.join(folder, name)) as file:
                results.append(Result(json.load(file)))
    return sorted(results, key=lambda r: (int(re.match(r"\d+", r.key).group()), r.key))


def plots(results):
    by_key = {result.key: result for result in results}
    wanted = [("cpu.svg", "Broker CPU per request", "µs", "cpu_us", ("1", "2", "3", "4", "5")),
              ("tail.svg", "Latency, 99.9 %", "µs", "p999_us", ("1", "2", "4", "5")),
              ("start.svg", "Time to the first accepted Produce", "ms", "first_produce_ms", ("7a", "7b", "8")),
              ("flush.svg", "Flushed before the acknowledgement", "requests/s", "per_second", ("9a", "9b", "9c"))]
    os.makedirs(PLOTS, exist_ok=True)
    written = {}
    for name, title, unit, figure, keys in wanted:
        groups = [(by_key[k].title, [(n, by_key[k].median(n, figure)) for n in by_key[k].names]) for k in keys if k in by_key]
        if groups:
            with open(os.path.join(PLOTS, name), "w") as file:
                file.write(plot.bars(title, unit, groups))
            written[name] = title
    return written


HEAD = """# Benchmarks beside Apache Kafka {kafka}
Written by `./dev bench kafka`; nothing here is typed by hand. One machine: within a workload, Kafka, semel and a floor take
turns on the same core, pair by pair, and a ratio is taken within a pair. The **floor** (`bench/floor.cc`) is the least that any broker must do: receive
the frame, CRC it, append it to a file, acknowledge; for reads, sendfile.

Trust CPU per request and per GiB more than requests per second, and those more than tails: "other work meanwhile" says how busy
the machine was with something else. The load generator (`bench/load*.cc`) sends requests made beforehand (Produce 9, Fetch 12).
Receive work on loopback is done in the sender's context; that is the same for all. What a flush costs is the disk's affair: a
virtual disk may absorb it, so rows with flushes compare the brokers, and promise no such rate on another disk.

## Machine
| | |
|---|---|
| Processor | {cpu}, {cores} cores, {memory_gib} GiB |
| System | Linux {kernel}; {file_system}; loopback with {congestion} |
| JVM | {jvm}; `-Xms1g -Xmx1g`, G1 with Kafka's flags; warmed with 8 CPU seconds of each of three sizes |
| Kafka | one node, broker and controller combined, stock settings, replication factor 1 |
| semel | release build, `semel.reactors=1` where pinned to one core |
| Placement | {placement} |

## Goals
Medians. Ratio = Kafka ÷ semel (semel ÷ Kafka for requests/s), median of the pairs [least–greatest].
"""


def write(folder):
    results = load_results(folder)
    if not results:
        raise SystemExit(f"no results in {folder}; run ./dev bench kafka")
    facts = dict(results[-1].machine)
    facts["placement"] = "brokers on CPU 1, load on CPU 0, both at nice −15; start, crash and memory unpinned" \
        if facts["pinned"] else "not pinned: one CPU"
    lines = [HEAD.format(**facts)]
    others = [run["other_cpus"] for result in results for run in result.runs if "other_cpus" in run]
    if others:
        lines.append(f"Other work on the machine used {median(others):.2f} CPUs meanwhile (median of the runs; least "
                     f"{min(others):.2f}, most {max(others):.2f}): the more it is, the less times say about the brokers.\n")
    if any(result.quick for result in results):
        lines.append("Some rows come from `--quick` (short spans, two pairs): their sections say so.\n")
    lines.append("| | workload | figure | Kafka | semel | floor | ratio | goal | met |\n|---|---|---|---|---|---|---|---|---|")
    lines += [row for result in results for row in goal_rows(result)]
    lines.append("")
    lines += [f"![{title}](benchmarks/{name})" for name, title in plots(results).items()]
    lines.append("")
    for durability in dict.fromkeys(result.durability for result in results):
        lines.append(f"## Durability class — {durability}\n")
        for result in results:
            if result.durability == durability:
                lines += section(result)
    with open(PAGE, "w") as file:
        file.write("\n".join(lines).rstrip() + "\n")
    print(f"written: {os.path.relpath(PAGE)}")
