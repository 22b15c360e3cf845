"""Compares what semel and Kafka made of the same crash images: `compare.py DIR kafka-dump-log.sh`.

DIR holds semel/IMAGE and kafka/IMAGE, both recovered, and kafka.txt as CrashImages prints it."""
import pathlib
import re
import subprocess
import sys


def producers_of(dump, snapshot):
    """{pid: last sequence} of a .snapshot file."""
    text = subprocess.run([dump, "--files", str(snapshot)], capture_output=True, text=True, check=True).stdout
    found = {}
    for line in text.splitlines():
        pid = re.search(r"producerId: (\d+)", line)
        last = re.search(r"lastSequence: (-?\d+)", line)
        if pid:
            found[int(pid[1])] = int(last[1]) if last else -1
    return found


def segments_of(folder):
    """The records of all segments behind one another: where a segment ends is each broker's own choice."""
    return b"".join(path.read_bytes() for path in sorted(folder.glob("*.log")))


def main():
    root, dump = pathlib.Path(sys.argv[1]), sys.argv[2]
    wrong = compared = producers = 0
    for line in (root / "kafka.txt").read_text().splitlines():
        directory, name, facts = line.split(" ", 2)
        semel = root / "semel" / directory / name
        kafka = root / "kafka" / directory / name
        problems = []
        match = re.fullmatch(r"(\d+) (\d+) \{(.*)\}", facts)
        if not match:
            problems.append(f"Kafka: {facts}")
        else:
            start, end = int(match[1]), int(match[2])
            last = dict(map(int, pair.split("=")) for pair in match[3].split(", ") if pair)
            snapshots = sorted(semel.glob("*.snapshot"))
            newest = int(snapshots[-1].stem) if snapshots else 0
            if newest != end and (end > 0 or newest > 0):
                problems.append(f"semel ends at {newest}, Kafka at {end}")
            mine = producers_of(dump, snapshots[-1]) if snapshots else {}
            if mine != last:
                problems.append(f"last sequences: semel {mine}, Kafka {last}")
            producers += len(last)
            if segments_of(semel) != segments_of(kafka):
                problems.append("the records differ")
        compared += 1
        for problem in problems:
            print(f"{directory}/{name}: {problem}")
        wrong += 1 if problems else 0
    print(f"{compared} partitions compared, {producers} producers, {wrong} different")
    return 1 if wrong or compared == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
