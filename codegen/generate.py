#!/usr/bin/env python3
"""Writes the C++ of schema/*.msg.

    generate.py SCHEMA_FOLDER OUTPUT_FOLDER
"""

import os
import sys

import cpp
import cpp_json
import schema
import tables


def write(folder, path, text):
    """Leaves a file alone that has this text already, so that nothing is compiled for it."""
    path = os.path.join(folder, path)
    if os.path.exists(path):
        with open(path, encoding="utf-8") as old:
            if old.read() == text:
                return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as new:
        new.write(text)


def main():
    source, target = sys.argv[1:]
    files = schema.load(source)
    for file in files:
        write(target, file.header, cpp.header(file, file.messages))
        write(target, f"gen/{file.path}.cc", cpp.Codec(file).text())
        write(target, f"gen/json/{file.path}.cc", cpp_json.Printer(file).text())
    header, code = tables.api_table(files)
    write(target, "gen/api_table.h", header)
    write(target, "gen/api_table.cc", code)
    write(target, "gen/json.h", cpp_json.json_header(files))
    header, code = cpp_json.any_table(files)
    write(target, "gen/any_message.h", header)
    write(target, "gen/any_message.cc", code)


if __name__ == "__main__":
    main()
