#!/usr/bin/env python3
"""Instructions per operation and heap bytes per producer, held to limits.txt.

Usage: counts.py instructions|memory BINARY [--limits FILE] [--show]
Runs BINARY (under callgrind for instructions) and prints a table: name, value, limit. Exit code 1 if a
value is above its limit, if a case has no limit, or if a limit has no case any more.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile


def read_limits(path):
    limits = {}
    for line in open(path, encoding="utf-8"):
        text = line.split("#")[0].split()
        if text:
            limits[text[0]] = float(text[1])
    return limits


def instructions(binary):
    values = {}
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "callgrind.out")
        run = subprocess.run(["valgrind", "--tool=callgrind", "--instr-atstart=no", "--quiet",
                              "--callgrind-out-file=" + out, binary, "instructions"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if run.returncode != 0:
            sys.exit(f"{binary} under callgrind ended with {run.returncode}:\n{run.stderr}")
        for name in sorted(os.listdir(folder)):
            text = open(os.path.join(folder, name), encoding="utf-8", errors="replace").read()
            label = re.search(r"case:(\S+) operations:(\d+)", text)
            total = re.search(r"^(?:summary|totals):\s*(\d+)", text, re.M)
            if label and total:
                values[label.group(1)] = int(total.group(1)) / int(label.group(2))
    return values


def memory(binary):
    out = subprocess.run([binary, "memory"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return {line.split()[0]: float(line.split()[1]) for line in out.splitlines()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["instructions", "memory"])
    parser.add_argument("binary")
    parser.add_argument("--limits", default=os.path.join(os.path.dirname(__file__), "limits.txt"))
    parser.add_argument("--show", action="store_true", help="print the table and succeed whatever it says")
    arguments = parser.parse_args()
    is_memory = arguments.what == "memory"
    values = memory(arguments.binary) if is_memory else instructions(arguments.binary)
    limits = {n: v for n, v in read_limits(arguments.limits).items() if n.startswith("bytes_") == is_memory}
    wrong = []
    for name in sorted(values):
        limit = limits.get(name)
        print(f"{name:40} {values[name]:12.1f} {'no limit' if limit is None else f'{limit:10.0f}'}")
        if limit is None:
            wrong.append(f"{name}: no limit in {arguments.limits}; add one")
        elif values[name] > limit:
            wrong.append(f"{name}: {values[name]:.1f}, limit {limit:.0f}; make it cheaper, "
                         "or raise the limit and say why in the commit")
    wrong += [f"{name}: has a limit but was not measured" for name in limits if name not in values]
    for line in wrong:
        print("counts: " + line, file=sys.stderr)
    sys.exit(1 if wrong and not arguments.show else 0)


main()
