#!/usr/bin/env python3
"""The house rules as a test: layers, sizes, co_await shape, folder READMEs, banned calls.

Usage: tools/lint.py [ROOT]. Prints one line per finding, `file:line: what, and what to use instead`;
exit code 1 if there is any. `tools/lint.py --self-test` proves that each rule can fail.
"""
import os
import re
import sys
import tempfile

FILE_LINES, HEADER_LINES, FUNCTION_LINES, NESTING, PARAMETERS, DEPENDENCIES = 800, 300, 70, 4, 5, 8
MEDIAN_LINES = 150
README_LINES = 40
TREES = ("src", "sim", "bench")

# pattern, where it is allowed (path prefixes), what to use instead
BANNED = [
    (r"\b(steady_clock|system_clock|high_resolution_clock)::now|\bclock_gettime\b|\bgettimeofday\b|\btime\(nullptr\)",
     ("src/rt/linux/", "bench/"), "rt::Clock"),
    (r"\bstd::(j?thread|async)\b|\bpthread_create\b", ("src/rt/linux/", "bench/"), "rt::Executor or Disk::run_blocking"),
    (r"\bstd::(recursive_|shared_|timed_)?mutex\b|\bstd::(lock_guard|unique_lock|scoped_lock)\b",
     ("src/rt/guarded.h", "src/rt/linux/", "bench/"), "rt::Guarded<T>"),
    (r"(?<![.\w>])(rand|srand)\(|\bstd::(random_device|mt19937(_64)?)\b", ("src/rt/linux/",), "rt::Random"),
    (r"(?<![\w>])::(open|openat|pwritev?|preadv?|fsync|fdatasync|unlink|socket|accept4?|recv|sendmsg|sendfile)\(|"
     r"#include <(fcntl\.h|unistd\.h|sys/(socket|stat|mman|uio|file|sendfile)\.h)>",
     ("src/rt/linux/", "src/broker/main.cc", "src/cli/", "sim/main.cc", "bench/"), "rt::Disk or rt::Network"),
    (r"\bstd::(i|o)?fstream\b|\bfopen\(|\bstd::filesystem::",
     ("src/rt/linux/", "sim/main.cc", "sim/workload_files.cc", "bench/"), "rt::Disk"),
    (r"\bsleep\(|\busleep\(|\bsleep_for\(std::", ("src/rt/linux/", "bench/"), "rt::sleep_for(executor, …)"),
    (r"\bCLI::(NonNegativeNumber|PositiveNumber|Number|Range)\b", (), "whole_number() or positive_number() of cli/help.h"),
    (r"\bassert\(", (), "SEMEL_ASSERT, which is always on"),
    (r"\bstd::(cout|cerr|printf)\b|(?<![\w:])printf\(", ("src/cli/", "src/broker/main.cc", "sim/", "bench/"),
     "the log facade (base/log.h) or the command's Output"),
    (r"\b(TODO|FIXME|XXX|HACK)\b", (), "an entry in docs or the finished thing"),
    (r"\bboost::asio\b|<boost/asio", (), "the interfaces of rt (docs/adr/0009-own-epoll-loop.md)"),
    (r"\breinterpret_cast<const (struct )?\w*Header\b", (), "bytes::load_be over a layout constant"),
]
NAMED_BY = [("rt/linux/", ("src/rt/linux/", "src/broker/main.cc", "src/cli/", "sim/", "bench/")),
            ("rt/sim/", ("src/rt/sim/", "sim/", "bench/"))]


def is_test(path):
    return re.search(r"(_test|_fuzz|_bench|[/_]testing)\.(cc|h)$|/testing/|(^|/)test_[a-z_]+\.(cc|h)$", path) is not None


def sources(root):
    for tree in TREES:
        for folder, folders, files in os.walk(os.path.join(root, tree)):
            folders.sort()
            for name in sorted(files):
                if name.endswith((".h", ".cc")):
                    path = os.path.join(folder, name)
                    yield os.path.relpath(path, root), open(path, encoding="utf-8").read()


def strip(text):
    """Comments and literals become blanks of the same length; line numbers stay."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    pattern = r'R"([^(\s]*)\((?:.|\n)*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'|//[^\n]*|/\*(?:.|\n)*?\*/'
    code = re.sub(pattern, blank, text)
    return re.sub(r"^[ \t]*#[ \t]*define\b(?:.*\\\n)*.*", blank, code, flags=re.M)


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def folder_of(path):
    parts = path.split("/")
    if parts[0] != "src":
        return parts[0]
    for nested in ("rt/linux", "rt/sim"):
        if "/".join(parts[1:]).startswith(nested + "/"):
            return nested
    return parts[1]


def read_layers(root):
    rows = {}
    for line in open(os.path.join(root, "tools/layers.txt"), encoding="utf-8"):
        if line.strip() and not line.startswith("#"):
            name, _, allowed = line.partition(":")
            rows[name.strip()] = set(allowed.split())
    return rows


def check_layers(path, text, layers, report):
    folder = folder_of(path)
    row = layers.get(folder)
    if row is None:
        report(path, 1, f"folder {folder} has no row in tools/layers.txt")
        return
    for match in re.finditer(r'^#include "([^"]+)"', text, re.M):
        target = match.group(1)
        where = target.split("/")[0]
        for nested in ("rt/linux", "rt/sim"):
            if target.startswith(nested + "/"):
                where = nested
        if where in ("tests", "testing"):
            continue
        number = line_of(text, match.start())
        if "/" not in target and path.startswith("src/"):
            report(path, number, f'"{target}" must be named from src/, as "folder/file.h"')
        elif "/" in target and where != folder and not is_test(path) and "*" not in row and where not in row:
            report(path, number, f"{folder} may not include {where} (tools/layers.txt); give the news upward by "
                                 "return value or by an interface of the lower folder")
        for prefix, allowed in NAMED_BY:
            if target.startswith(prefix) and not path.startswith(allowed) and not is_test(path):
                report(path, number, f"only {', '.join(allowed)} and tests may name {prefix}")


def check_cmake(root, layers, report):
    for folder, row in layers.items():
        path = f"src/{folder}/CMakeLists.txt"
        full = os.path.join(root, path)
        if not os.path.exists(full) or "*" in row:
            continue
        text = open(full, encoding="utf-8").read()
        match = re.search(r"(?<!TEST_)DEPS ([^)A-Z]*)", text)
        named = set(match.group(1).split()) if match else set()
        named = {{"rt_linux": "rt/linux", "rt_sim": "rt/sim"}.get(n, n) for n in named}
        for extra in sorted(n for n in named - row - {"gen_json"}):
            report(path, 1, f"links semel_{extra}, which tools/layers.txt does not allow for {folder}")


def check_sizes(path, text, report):
    lines = text.count("\n")
    limit = HEADER_LINES if path.endswith(".h") else FILE_LINES
    if lines > limit:
        report(path, 1, f"{lines} lines, budget {limit}; split it by noun")


FUNCTION_START = re.compile(r"^[ \t]*(?:[\w:<>,*&~\[\]\s]|\([^()]*\))*?\b[\w:~]+\s*\(", re.M)


def functions(code):
    """(start line, text from the line of the parameter list to the closing brace), by brace matching."""
    depth_of_namespace = []
    stack = []
    i = 0
    for match in re.finditer(r"[{}]", code):
        i = match.start()
        if match.group(0) == "{":
            head = code[max(code.rfind(";", 0, i), code.rfind("}", 0, i), code.rfind("{", 0, i)) + 1:i]
            kind = "block"
            if re.search(r"\b(namespace|extern)\b", head) and "(" not in head:
                kind = "scope"
            elif re.search(r"\b(class|struct|enum|union|concept)\b[^()]*$", head.split("requires")[-1]) and not head.rstrip().endswith(")"):
                kind = "scope"
            elif all(k == "scope" for k, _ in stack) and re.search(r"\)[^()]*$|\)\s*(const|noexcept|override|final|mutable|->)", head):
                kind = "function"
            stack.append((kind, (i, head)))
        elif stack:
            kind, (start, head) = stack.pop()
            if kind == "function":
                begin = start - len(head.lstrip())
                yield begin, start, match.start(), head
    del depth_of_namespace


def split_parameters(text):
    depth, parts, current = 0, [], ""
    for c in text:
        if c in "<([{":
            depth += 1
        elif c in ">)]}":
            depth -= 1
        if c == "," and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += c
    if current.strip():
        parts.append(current)
    return [p for p in parts if p.strip() not in ("", "void")]


def check_functions(path, code, report):
    for begin, brace, end, head in functions(code):
        number = line_of(code, begin)
        length = code.count("\n", begin, end) + 1
        if length > FUNCTION_LINES:
            report(path, number, f"a function of {length} lines, budget {FUNCTION_LINES}; name its steps as functions")
        check_nesting(path, code[brace + 1:end], line_of(code, brace), report)
        signature = re.search(r"([\w:~]+)\s*\(", head)
        if signature is None or is_test(path):
            continue
        depth, at = 0, signature.end() - 1
        for at in range(signature.end() - 1, len(head)):
            depth += {"(": 1, ")": -1}.get(head[at], 0)
            if depth == 0:
                break
        count = len(split_parameters(head[signature.end():at]))
        name = signature.group(1)
        pieces = name.split("::")
        is_constructor = len(pieces) >= 2 and pieces[-1] == pieces[-2] or (":" in head[at:] and name[:1].isupper())
        limit = DEPENDENCIES if is_constructor else PARAMETERS
        if count > limit and name not in ("TEST", "TEST_F", "TEST_P"):
            report(path, number, f"{name} takes {count} parameters, budget {limit}; pass a struct of named fields")


CONTROL = re.compile(r"\b(if|for|while|switch|else|do)\b[^;{}]*$")


def check_nesting(path, body, first_line, report):
    depth, stack = 0, []
    for match in re.finditer(r"[{}]", body):
        if match.group(0) == "{":
            head = body[max(body.rfind(c, 0, match.start()) for c in ";{}") + 1:match.start()]
            full = body[max(body.rfind("{", 0, match.start()), body.rfind("}", 0, match.start())) + 1:match.start()]
            counted = CONTROL.search(head) is not None or re.search(r"\bfor\s*\([^{}]*$", full) is not None
            stack.append(counted)
            depth += counted
            if counted and depth > NESTING:
                report(path, first_line + body.count("\n", 0, match.start()),
                       f"nesting of {depth}, budget {NESTING}; return early or name the inner part")
        elif stack:
            depth -= stack.pop()


def check_co_await(path, code, report):
    for match in re.finditer(r"\bco_await\b", code):
        start = max(code.rfind(c, 0, match.start()) for c in ";{}") + 1
        before = re.sub(r"^\s*(else\b|case\b[^:]*:|default:|public:|private:)?\s*", "", code[start:match.start()])
        head = re.sub(r"^(if|while|for)\s*\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)\s*", "", before)
        if not re.fullmatch(r"\s*((const\s+)?auto&?&?\s+\w+\s*=\s*|(const\s+)?[\w:<>, ]+[&\s]\s*\w+\s*=\s*|\w+\s*=\s*)?", head):
            report(path, line_of(code, match.start()),
                   "co_await is a whole statement or the whole right side of one named local")


def check_banned(path, code, report):
    if is_test(path):
        return
    for pattern, allowed, instead in BANNED:
        if path.startswith(tuple(allowed)) and allowed:
            continue
        for match in re.finditer(pattern, code):
            report(path, line_of(code, match.start()), f"{match.group(0).strip()} is banned here; use {instead}")


def check_dev(root, report):
    """The scripts that the words of ./dev run are there."""
    path = os.path.join(root, "dev")
    if not os.path.exists(path):
        return
    text = open(path, encoding="utf-8").read()
    for match in re.finditer(r"\b(?:exec|bash|python3) ((?:[\w.-]+/)+[\w.-]+\.(?:sh|py)|\.ci/run)", text):
        if not os.path.exists(os.path.join(root, match.group(1))):
            report("dev", line_of(text, match.start()), f"{match.group(1)} is not there; name a script that is")


def check_readmes(root, layers, report):
    for folder in layers:
        base = folder if folder in ("sim", "bench") else f"src/{folder}"
        path = os.path.join(root, base)
        if not os.path.isdir(path) or not os.listdir(path):
            continue
        readme = os.path.join(path, "README.md")
        if not os.path.exists(readme):
            report(f"{base}/README.md", 1, "missing; purpose, may include, main types, invariants, how to test")
        elif open(readme, encoding="utf-8").read().count("\n") > README_LINES:
            report(f"{base}/README.md", 1, f"longer than {README_LINES} lines")


def check_all(root):
    findings = []

    def report(path, number, what):
        findings.append(f"{path}:{number}: {what}")

    layers = read_layers(root)
    sizes = []
    for path, text in sources(root):
        code = strip(text)
        check_layers(path, text, layers, report)
        check_sizes(path, text, report)
        check_functions(path, code, report)
        check_co_await(path, code, report)
        check_banned(path, code, report)
        if re.search(r"\b(TODO|FIXME)\b", text):
            report(path, line_of(text, re.search(r"\b(TODO|FIXME)\b", text).start()), "TODO and FIXME are banned; finish it or document it")
        if path.endswith(".h") and "#pragma once" not in text:
            report(path, 1, "no #pragma once")
        if not is_test(path):
            sizes.append(text.count("\n"))
    check_cmake(root, layers, report)
    check_readmes(root, layers, report)
    check_dev(root, report)
    sizes.sort()
    if sizes and sizes[len(sizes) // 2] > MEDIAN_LINES:
        report("src", 1, f"the median file has {sizes[len(sizes) // 2]} lines, budget {MEDIAN_LINES}")
    return findings, len(sizes)


BAD = {
    "src/base/up.h": ('#pragma once\n#include "log/log.h"\n', "may not include"),
    "src/log/clock.cc": ("void f() { auto t = std::chrono::steady_clock::now(); }\n", "rt::Clock"),
    "src/log/long.cc": ("void f() {\n" + "  g();\n" * 80 + "}\n", "budget 70"),
    "src/log/big.h": ("#pragma once\n" + "int x;\n" * 301, "budget 300"),
    "src/log/deep.cc": ("void f() {\n" + "if (a) {\n" * 5 + "}\n" * 5 + "}\n", "nesting"),
    "src/log/many.cc": ("void f(int a, int b, int c, int d, int e, int g) {\n}\n", "parameters"),
    "src/rt/shape.cc": ("Task<> f() {\n  if (co_await g()) h();\n}\n", "co_await"),
    "src/net/named.cc": ('#include "rt/linux/linux_runtime.h"\n', "may name"),
    "src/cli/number.cc": ("void f() { option->check(CLI::PositiveNumber); }\n", "whole_number()"),
    "dev": ("cmd_x() { exec tests/nothing.sh; }\n", "is not there"),
    "src/log/later.cc": ("// TODO finish\n", "TODO"),
}


def self_test(root):
    with tempfile.TemporaryDirectory() as scratch:
        os.makedirs(os.path.join(scratch, "tools"))
        with open(os.path.join(scratch, "tools/layers.txt"), "w", encoding="utf-8") as out:
            out.write(open(os.path.join(root, "tools/layers.txt"), encoding="utf-8").read())
        for path, (text, _) in BAD.items():
            os.makedirs(os.path.dirname(os.path.join(scratch, path)), exist_ok=True)
            open(os.path.join(scratch, path), "w", encoding="utf-8").write(text)
        findings, _ = check_all(scratch)
        missed = [p for p, (_, word) in BAD.items()
                  if not any(f.startswith(p + ":") and word in f for f in findings)]
        if missed or not any("README.md" in f for f in findings):
            print("rules that did not fire on:", missed)
            return 1
    print(f"{len(BAD) + 1} rules fire on planted violations")
    return 0


def main():
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if "--self-test" in sys.argv:
        return self_test(root)
    if len(sys.argv) > 1:
        root = sys.argv[1]
    findings, count = check_all(root)
    print("\n".join(findings) if findings else f"{count} files follow the house rules")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
