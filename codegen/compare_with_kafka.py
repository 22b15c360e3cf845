#!/usr/bin/env python3
"""Compares schema/*.msg with the message definitions inside Apache Kafka's jars.

    compare_with_kafka.py JAR...        e.g. kafka-4.3.1/libs/kafka*.jar

Compared for every message and every version that the notation offers: which fields exist and in which
order, types, nullability, defaults, tags, ignorability, flexible versions, and for requests the
version range, listeners and whether the newest version is unstable. Exit code 1 if anything differs.
"""

import json
import os
import re
import sys
import zipfile

import schema
from schema import NEWEST, NO_VERSION, Versions

SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "schema")
COORDINATORS = {"kafka-group": "group", "kafka-transaction": "transaction", "kafka-share": "share"}
# Which Kafka schemas are part of the notation although they are neither messages nor records.
DATA_KINDS = {"data", "header"}


def versions_of(text):
    return NO_VERSION if text in (None, "none") else Versions.parse(text)


class Kafka:
    """The definitions of the jars, by message name."""

    def __init__(self, jars):
        self.messages = {}
        for jar in jars:
            with zipfile.ZipFile(jar) as archive:
                for name in archive.namelist():
                    if name.endswith(".json") and "/" in name:
                        self.add(jar, archive.read(name).decode("utf-8"))

    def add(self, jar, text):
        definition = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
        if not isinstance(definition, dict) or "validVersions" not in definition:
            return
        if definition["validVersions"] != "none":
            self.messages[definition["name"]] = (os.path.basename(jar), definition)


class Comparison:
    def __init__(self):
        self.differences = 0
        self.fields = 0
        self.where = ""

    def differ(self, what, ours, kafkas):
        if ours != kafkas:
            self.differences += 1
            print(f"{self.where}: {what}: schema has {ours!r}, Kafka has {kafkas!r}")

    def message(self, message, jar, definition):
        self.where = message.name
        self.message_struct = message
        self.differ("valid versions", message.versions, versions_of(definition["validVersions"]))
        flexible = versions_of(definition.get("flexibleVersions"))
        self.differ("flexible versions", [v in message.flexible for v in self.range()],
                    [v in flexible for v in self.range()])
        if definition["type"] not in DATA_KINDS:
            self.differ("number", message.number, definition["apiKey"])
        if definition["type"].startswith("coordinator-"):
            self.differ("part", message.part, definition["type"].split("-")[1])
            group = next((g for prefix, g in COORDINATORS.items() if jar.startswith(prefix)), None)
            self.differ("group", message.group, group)
        self.flexible = flexible
        self.shared = {s["name"]: s["fields"] for s in definition.get("commonStructs", [])}
        self.structs = dict(self.shared)
        self.collect(definition.get("fields", []))
        for fields in self.shared.values():
            self.collect(fields)
        for version in self.range():
            self.compare_fields(message.name, message.fields, definition.get("fields", []), version)

    def range(self):
        versions = self.message_struct.versions
        return range(versions.low, versions.high + 1)

    def collect(self, fields):
        for field in fields:
            if "fields" in field:
                self.structs[field["type"].removeprefix("[]")] = field["fields"]
                self.collect(field["fields"])

    def compare_fields(self, path, ours, kafkas, version):
        ours = [f for f in ours if version in f.versions]
        kafkas = [f for f in kafkas if version in versions_of(f.get("versions") or f["taggedVersions"])]
        self.where = f"{path} v{version}"
        if [f.name for f in ours] != [f["name"] for f in kafkas]:
            return self.differ("fields", [f.name for f in ours], [f["name"] for f in kafkas])
        for our, kafka in zip(ours, kafkas):
            self.compare_field(f"{path}.{our.name}", our, kafka, version)

    def compare_field(self, path, our, kafka, version):
        self.fields += 1
        self.where = f"{path} v{version}"
        base = kafka["type"].removeprefix("[]")
        self.differ("type", f"[]{our.base}" if our.is_array else our.base, kafka["type"])
        self.differ("nullable", version in our.nullable, version in versions_of(kafka.get("nullableVersions")))
        tag = kafka.get("tag") if version in versions_of(kafka.get("taggedVersions")) else None
        self.differ("tag", our.tag, tag)
        self.differ("ignorable", our.ignorable, str(kafka.get("ignorable", False)).lower() == "true")
        self.differ("not compact", our.not_compact, kafka.get("flexibleVersions") == "none")
        self.differ("default", self.value(our.base, our.is_array, our.default),
                    self.value(base, our.is_array, kafka.get("default")))
        if our.is_struct and base in self.structs:
            struct = self.message_struct.struct(our.base)
            self.compare_fields(path, struct.fields, self.structs[base], version)

    @staticmethod
    def value(base, is_array, text):
        """A default as a value, so that 0x10 equals 16 and an explicit 0 equals none."""
        if is_array or base not in schema.SCALARS or base == "uuid":
            return "null" if text == "null" or (base == "records" and not text) else ""
        if base == "bool":
            return str(text).lower() == "true"
        return int(str(text), 0) if text not in (None, "") else 0

    def api(self, api, definition):
        self.where = api.name
        self.differ("listeners", set(api.listeners), set(definition["listeners"]))
        self.differ("newest version is unstable", api.newest_is_unstable,
                    definition.get("latestVersionUnstable", False))


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    kafka = Kafka(sys.argv[1:])
    comparison = Comparison()
    seen = set()
    for file in schema.load(SCHEMA):
        for message in file.messages:
            seen.add(message.name)
            if message.name not in kafka.messages:
                comparison.where = message.name
                comparison.differ("message", "one", "none")
                continue
            jar, definition = kafka.messages[message.name]
            comparison.message(message, jar, definition)
            if message.kind == "request":
                comparison.api(file.api, definition)
    for name in sorted(set(kafka.messages) - seen):
        comparison.where = name
        comparison.differ("message", "none", "one")
    print(f"{len(seen)} messages, {comparison.fields} fields over all versions, "
          f"{comparison.differences} differences")
    sys.exit(1 if comparison.differences else 0)


if __name__ == "__main__":
    main()
