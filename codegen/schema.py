"""Reads the message notation of schema/*.msg (docs/formats/schema-notation.md)."""

import os
import re
from dataclasses import dataclass, field as dataclass_field

NEWEST = 1 << 15
SCALARS = {"bool": 1, "int8": 1, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4, "int64": 8,
           "float64": 8, "uuid": 16}
PRIMITIVES = set(SCALARS) | {"string", "bytes", "records"}
ARRAY_PRIMITIVES = {"int8", "int16", "int32", "int64", "uuid", "string"}


class NotationError(Exception):
    pass


@dataclass(frozen=True)
class Versions:
    """A closed range; `high` is NEWEST for an open one. low > high: no version."""
    low: int
    high: int

    @staticmethod
    def parse(text):
        match = re.fullmatch(r"(\d+)(?:(\+)|-(\d+))?", text)
        if not match:
            raise NotationError(f"not a version range: {text}")
        low = int(match[1])
        high = NEWEST if match[2] else int(match[3]) if match[3] else low
        return Versions(low, high)

    def __and__(self, other):
        return Versions(max(self.low, other.low), min(self.high, other.high))

    def __contains__(self, version):
        return self.low <= version <= self.high

    @property
    def empty(self):
        return self.low > self.high


NO_VERSION = Versions(1, 0)


@dataclass
class Field:
    name: str
    base: str                 # a primitive or the name of a struct
    is_array: bool
    versions: Versions        # where the field exists, inside its struct's versions
    nullable: Versions        # where it may be null; empty = never
    default: str | None       # literal; None = the implicit default
    tag: int | None
    ignorable: bool
    not_compact: bool
    line: int
    inline: list | None = None  # fields of the struct that is written here

    @property
    def is_struct(self):
        return self.base not in PRIMITIVES

    @property
    def is_nullable(self):
        return not self.nullable.empty


@dataclass
class Struct:
    name: str
    versions: Versions
    fields: list


@dataclass
class Message:
    kind: str                 # request, response, record, data
    name: str
    number: int | None        # api key or record type
    group: str                # of a record: metadata, group, transaction, share, remote-log
    part: str                 # of a coordinator's record: key or value
    versions: Versions
    flexible: Versions
    fields: list = dataclass_field(default_factory=list)
    structs: list = dataclass_field(default_factory=list)  # each before those that use it

    def struct(self, name):
        return next(s for s in self.structs if s.name == name)


@dataclass
class Api:
    key: int
    name: str
    versions: Versions
    flexible: Versions
    listeners: list
    listed_from: int
    newest_is_unstable: bool
    forwardable: bool
    cluster_action: bool


@dataclass
class File:
    path: str                 # below the schema folder, without ".msg"
    api: Api | None
    messages: list

    @property
    def header(self):
        return f"gen/{self.path}.h"


FIELD_LINE = re.compile(
    r"(?P<name>[A-Za-z][A-Za-z0-9]*)\s+(?P<array>\[)?(?P<base>[A-Za-z][A-Za-z0-9]*)(?(array)\])"
    r"(?P<null>\?(?P<null_versions>\d+(?:\+|-\d+)?)?)?(?P<rest>.*)")
REST = re.compile(
    r"\s*(?:(?P<versions>\d+(?:\+|-\d+)?)(?=\s|$))?\s*(?:tag (?P<tag>\d+))?\s*(?:= (?P<default>\S+))?"
    r"\s*(?P<ignorable>ignorable)?\s*(?P<plain>not compact)?\s*")


class Parser:
    def __init__(self, path, text):
        self.path = path
        self.lines = [(n, line.rstrip()) for n, line in enumerate(text.split("\n"), 1)
                      if line.strip() and not line.lstrip().startswith("#")]
        self.at = 0

    def fail(self, line, why):
        raise NotationError(f"{self.path}:{line}: {why}")

    def block(self):
        """The indented lines after a head line."""
        body = []
        while self.at < len(self.lines) and self.lines[self.at][1].startswith(" "):
            body.append(self.lines[self.at])
            self.at += 1
        return body

    def parse(self):
        api, messages = None, []
        while self.at < len(self.lines):
            line, text = self.lines[self.at]
            self.at += 1
            words = text.split()
            body = self.block()
            if words[0] == "api":
                api = self.api(line, words, body)
            elif words[0] in ("request", "response") and api and len(words) == 1:
                messages.append(self.message(words[0], api.name + words[0].capitalize(), api.key,
                                             api.versions, api.flexible, body))
            elif words[0] in ("record", "data"):
                messages.append(self.record(line, words, body))
            elif words[0] == "struct" and messages:
                self.shared_struct(line, words, body, messages[-1])
            else:
                self.fail(line, f"unknown block: {text}")
        for message in messages:
            self.resolve(message)
        return api, messages

    def ranges(self, line, words):
        """versions R [flexible R]"""
        if len(words) not in (2, 4) or words[0] != "versions":
            self.fail(line, "expected: versions RANGE [flexible RANGE]")
        flexible = Versions.parse(words[3]) if len(words) == 4 else NO_VERSION
        return Versions.parse(words[1]), flexible

    def api(self, line, words, body):
        versions, flexible = self.ranges(line, words[3:])
        api = Api(int(words[1]), words[2], versions, flexible, [], versions.low, False, False, False)
        for number, text in body:
            words = text.split()
            if words[0] == "listeners":
                api.listeners = words[1:]
            elif words[:2] == ["listed", "from"]:
                api.listed_from = int(words[2])
            elif text.strip() == "newest version is unstable":
                api.newest_is_unstable = True
            elif text.strip() == "forwardable":
                api.forwardable = True
            elif text.strip() == "cluster action":
                api.cluster_action = True
            else:
                self.fail(number, f"unknown property: {text.strip()}")
        return api

    def message(self, kind, name, number, versions, flexible, body, group="", part=""):
        message = Message(kind, name, number, group, part, versions, flexible)
        message.fields = self.fields(body, versions)
        return message

    def record(self, line, words, body):
        if words[0] == "data":
            versions, flexible = self.ranges(line, words[2:])
            return self.message("data", words[1], None, versions, flexible, body)
        group, number, rest = words[1], int(words[2]), words[3:]
        part = rest.pop(0) if rest[0] in ("key", "value") else ""
        versions, flexible = self.ranges(line, rest[1:])
        return self.message("record", rest[0], number, versions, flexible, body, group, part)

    def shared_struct(self, line, words, body, message):
        versions = message.versions
        if len(words) == 4 and words[2] == "versions":
            versions = Versions.parse(words[3]) & versions
        elif len(words) != 2:
            self.fail(line, "expected: struct NAME [versions RANGE]")
        message.structs.append(Struct(words[1], versions, self.fields(body, versions)))

    def fields(self, body, outer, depth=2):
        """Fields at `depth` columns; deeper lines belong to the field before them."""
        fields, at = [], 0
        while at < len(body):
            line, text = body[at]
            if len(text) - len(text.lstrip()) != depth:
                self.fail(line, f"expected {depth} spaces before the field")
            field = self.field(line, text.strip(), outer)
            at += 1
            inner = at
            while at < len(body) and body[at][1].startswith(" " * (depth + 1)):
                at += 1
            if at > inner:
                if not field.is_struct:
                    self.fail(line, f"{field.base} has no fields")
                field.inline = self.fields(body[inner:at], field.versions, depth + 2)
            fields.append(field)
        return fields

    def field(self, line, text, outer):
        match = FIELD_LINE.fullmatch(text)
        rest = REST.fullmatch(match["rest"]) if match else None
        if not rest:
            self.fail(line, f"not a field: {text}")
        versions = Versions.parse(rest["versions"]) & outer if rest["versions"] else outer
        nullable = NO_VERSION
        if match["null"]:
            nullable = Versions.parse(match["null_versions"]) & versions if match["null_versions"] else versions
        field = Field(match["name"], match["base"], bool(match["array"]), versions, nullable,
                      rest["default"], int(rest["tag"]) if rest["tag"] else None,
                      bool(rest["ignorable"]), bool(rest["plain"]), line)
        self.check(field, line)
        return field

    def check(self, field, line):
        if field.versions.empty:
            self.fail(line, "the field exists in no version")
        if field.base[0].islower() and not field.base in PRIMITIVES:
            self.fail(line, f"unknown type {field.base}")
        if field.is_array and not field.is_struct and field.base not in ARRAY_PRIMITIVES:
            self.fail(line, f"arrays of {field.base} are not offered")
        if field.is_nullable and not field.is_array and field.base in SCALARS:
            self.fail(line, f"{field.base} cannot be null")
        if field.default == "null" and field.nullable != field.versions:
            self.fail(line, "a default of null needs a field that is nullable in all its versions")
        if field.tag is not None and field.base == "records":
            self.fail(line, "records cannot be tagged")

    def resolve(self, message):
        """Turns inline structs into structs of the message and orders them: used ones first."""
        shared = {s.name: s for s in message.structs}
        found = dict(shared)

        def collect(fields):
            for field in fields:
                if not field.is_struct:
                    continue
                if field.inline is not None:
                    if field.base in found:
                        self.fail(field.line, f"struct {field.base} is defined twice")
                    found[field.base] = Struct(field.base, field.versions, field.inline)
                    collect(field.inline)
        collect(message.fields)
        for struct in shared.values():
            collect(struct.fields)

        ordered, state = [], {}

        def visit(name, line):
            if name not in found:
                self.fail(line, f"struct {name} is not defined in {message.name}")
            if state.get(name) == "open":
                self.fail(line, f"struct {name} contains itself")
            if name in state:
                return
            state[name] = "open"
            for field in found[name].fields:
                if field.is_struct:
                    visit(field.base, field.line)
            state[name] = "done"
            ordered.append(found[name])
        for field in message.fields:
            if field.is_struct:
                visit(field.base, field.line)
        for name in shared:
            if name not in state:
                raise NotationError(f"{self.path}: struct {name} of {message.name} is not used")
        message.structs = ordered
        for fields in [message.fields] + [s.fields for s in ordered]:
            tags = sorted(f.tag for f in fields if f.tag is not None)
            if tags != list(range(len(tags))):
                raise NotationError(f"{self.path}: tags of {message.name} are not 0, 1, 2, …")


def load(folder):
    """All files below `folder`, in order of API key, then by path."""
    files = []
    for root, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".msg"):
                path = os.path.join(root, name)
                with open(path, encoding="utf-8") as text:
                    api, messages = Parser(path, text.read()).parse()
                files.append(File(os.path.relpath(path, folder)[:-4], api, messages))
    return sorted(files, key=lambda f: (f.api.key if f.api else 1 << 20, f.path))
