#!/usr/bin/env python3
"""Every header compiles alone.

Usage: tools/check_headers.py BUILD_DIR. Takes include paths and flags from BUILD_DIR's
compile_commands.json, and asks the compiler for the syntax of each header of src/, sim/ and bench/ by
itself, two at a time. What passed is remembered by content in BUILD_DIR/headers-alone.txt.
"""
import concurrent.futures
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys


def headers(root):
    for tree in ("src", "sim", "bench"):
        for folder, _, files in os.walk(os.path.join(root, tree)):
            for name in sorted(files):
                if name.endswith(".h"):
                    yield os.path.join(folder, name)


def flags_of(build):
    """The options of the entry with the most include paths, less those that name one file."""
    best = []
    for entry in json.load(open(os.path.join(build, "compile_commands.json"), encoding="utf-8")):
        words = entry.get("arguments") or shlex.split(entry["command"])
        words = [w for w in words if re.match(r"-(I|isystem|D|std|W|m|f(?!sanitize))", w) or w.startswith("/usr/include")]
        if len([w for w in words if w.startswith("-I")]) >= len([w for w in best if w.startswith("-I")]):
            best = words
    return [w for w in best if not w.startswith(("-Werror", "-DSEMEL_GOLDEN", "-DSEMEL_SOURCE"))]


def includes(path, root, build, seen):
    """Content of a header and of the project's headers that it reaches: the key of what was checked."""
    for base in (os.path.join(root, "src"), root, build, os.path.join(build, "src"), os.path.join(build, "src/gen")):
        full = path if os.path.isabs(path) else os.path.join(base, path)
        if os.path.exists(full):
            break
    else:
        return
    if full in seen:
        return
    text = open(full, encoding="utf-8").read()
    seen[full] = text
    for name in re.findall(r'^#include "([^"]+)"', text, re.M):
        includes(name, root, build, seen)


def main():
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    build = os.path.abspath(sys.argv[1])
    flags = flags_of(build) + ["-I", os.path.join(root, "src"), "-I", root, '-DSEMEL_GOLDEN_DIR=""', '-DSEMEL_SOURCE_DIR=""']
    memory = os.path.join(build, "headers-alone.txt")
    known = set(open(memory, encoding="utf-8").read().split()) if os.path.exists(memory) else set()

    def check(path):
        seen = {}
        includes(path, root, build, seen)
        key = hashlib.sha256("".join(k + seen[k] for k in sorted(seen)).encode()).hexdigest()
        if key in known:
            return path, key, ""
        run = subprocess.run(["clang++-19", *flags, "-std=c++23", "-Wno-pragma-once-outside-header", "-x", "c++",
                              "-fsyntax-only", path], capture_output=True, text=True, check=False)
        return path, key, run.stderr if run.returncode else ""

    paths = list(headers(root))
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        results = list(pool.map(check, paths))
    bad = [(p, text) for p, _, text in results if text]
    with open(memory, "w", encoding="utf-8") as out:
        out.write("\n".join(sorted(key for _, key, text in results if not text)))
    for path, text in bad:
        print(f"{os.path.relpath(path, root)} does not compile alone:\n{text}")
    print(f"{len(paths) - len(bad)} of {len(paths)} headers compile alone")
    return 1 if bad or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
