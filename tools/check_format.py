#!/usr/bin/env python3
"""Every source file looks as .clang-format says. Usage: tools/check_format.py; `./dev fmt` mends."""
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys

TREES = ("src", "sim", "bench", "examples", "tests", "tools")
FILES_AT_A_TIME = 16


def main():
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if shutil.which("clang-format-19") is None:
        print("clang-format-19 is missing; `./dev test` and `./dev setup` install it")
        return 1
    paths = sorted(os.path.join(folder, name) for tree in TREES for folder, _, files in os.walk(os.path.join(root, tree))
                   for name in files if name.endswith((".h", ".cc")))

    def differing(chunk):
        run = subprocess.run(["clang-format-19", "--dry-run", *chunk], cwd=root, capture_output=True, text=True, check=True)
        return sorted(set(re.findall(r"^([^:\s]+):\d+:\d+: warning: code should be clang-formatted", run.stderr, re.M)))

    chunks = [paths[i:i + FILES_AT_A_TIME] for i in range(0, len(paths), FILES_AT_A_TIME)]
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        bad = [path for found in pool.map(differing, chunks) for path in found]
    for path in bad:
        print(f"{os.path.relpath(path, root)}: not formatted; `./dev fmt` mends it")
    print(f"{len(paths) - len(bad)} of {len(paths)} files are formatted")
    return 1 if bad or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
