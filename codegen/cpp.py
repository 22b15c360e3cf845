"""C++ of one message: struct, reset, decode, encode."""

from names import member, snake
from schema import NO_VERSION, SCALARS

CPP_TYPES = {"bool": "bool", "int8": "int8_t", "int16": "int16_t", "uint16": "uint16_t",
             "int32": "int32_t", "uint32": "uint32_t", "int64": "int64_t", "float64": "double",
             "uuid": "Uuid", "string": "std::string", "bytes": "bytes::Buffer",
             "records": "wire::Records"}


class Lines:
    def __init__(self):
        self.lines = []
        self.depth = 0

    def add(self, text=""):
        self.lines.append("  " * self.depth + text if text else "")

    def open(self, text):
        self.add(text)
        self.depth += 1

    def close(self, text="}"):
        self.depth -= 1
        self.add(text)

    def text(self):
        return "\n".join(self.lines) + "\n"


def namespace_of(message):
    return snake(message.name)


def condition(versions, known):
    """Whether the run-time version `v`, known to be in `known`, is in `versions`: C++ or None if always."""
    inside = versions & known
    if inside.empty:
        return "false"
    parts = []
    if inside.low > known.low:
        parts.append(f"v >= {inside.low}")
    if inside.high < known.high:
        parts.append(f"v <= {inside.high}")
    return " && ".join(parts) or None


def struct_type(field, message):
    return f"{namespace_of(message)}::{field.base}"


def element_type(field):
    return CPP_TYPES.get(field.base, field.base)


def cpp_type(field):
    base = element_type(field)
    if field.is_array:
        return f"wire::{'Nullable' if field.is_nullable else ''}Array<{base}>"
    if field.is_nullable and field.base != "records":
        return f"std::optional<{base}>"
    return base


def literal(field):
    if field.default is None:
        return "false" if field.base == "bool" else "0"
    return field.default


def initializer(field):
    if field.is_array:
        return " = nullptr" if field.default == "null" else ""
    if field.is_nullable and field.base != "records":
        return "" if field.default == "null" else "{std::in_place}"
    if field.base in SCALARS and field.base != "uuid":
        return f" = {literal(field)}"
    return ""


def reset_statement(field):
    m = f"m.{member(field.name)}"
    if field.is_array:
        return f"{m}.set_null();" if field.default == "null" else f"{m}.clear();"
    if field.is_nullable and field.base != "records":
        return f"{m}.reset();" if field.default == "null" else f"{m}.emplace();"
    if field.base == "uuid":
        return f"{m} = Uuid{{}};"
    if field.base in SCALARS:
        return f"{m} = {literal(field)};"
    if field.base == "string":
        return f"{m}.clear();"
    if field.base == "bytes":
        return f"{m} = bytes::Buffer();"
    return f"{m}.reset();"


def is_not_default(field, message):
    m = f"m.{member(field.name)}"
    null_default = field.default == "null"
    if field.is_array:
        if null_default:
            return f"!{m}.is_null()"
        return f"({m}.is_null() || !{m}.empty())" if field.is_nullable else f"!{m}.empty()"
    if field.base == "records":
        return f"!{m}.is_null()"
    if field.is_nullable:
        if null_default:
            return f"{m}.has_value()"
        if field.is_struct:
            return f"!({m} && *{m} == {struct_type(field, message)}{{}})"
        return f"(!{m} || !{m}->empty())"
    if field.is_struct:
        return f"!({m} == {struct_type(field, message)}{{}})"
    if field.base == "uuid":
        return f"!{m}.is_zero()"
    if field.base == "bool":
        return f"!{m}" if literal(field) == "true" else m
    if field.base in SCALARS:
        return f"{m} != {literal(field)}"
    return f"!{m}.empty()"


def header(file, messages):
    out = Lines()
    out.add(f"// Generated from schema/{file.path}.msg. Changes belong there.")
    out.add("#pragma once")
    out.add()
    for name in ("cstdint", "optional", "string"):
        out.add(f"#include <{name}>")
    out.add()
    for name in ("base/ids.h", "base/result.h", "bytes/reader.h", "bytes/writer.h", "wire/array.h",
                 "wire/raw_tags.h", "wire/records.h"):
        out.add(f'#include "{name}"')
    out.add()
    out.add("namespace semel::gen {")
    for message in messages:
        if message.structs:
            out.add()
            out.add(f"namespace {namespace_of(message)} {{")
            for struct in message.structs:
                declare_struct(out, struct.name, struct.fields, message, None)
            out.add()
            out.add(f"}}  // namespace {namespace_of(message)}")
        declare_struct(out, message.name, message.fields, message, message)
    out.add()
    out.add("}  // namespace semel::gen")
    return out.text()


def declare_struct(out, name, fields, message, root):
    out.add()
    out.open(f"struct {name} {{")
    if root:
        for struct in message.structs:
            out.add(f"using {struct.name} = {namespace_of(message)}::{struct.name};")
        if message.number is not None:
            out.add(f"static constexpr int16_t kApiKey = {message.number};")
        out.add(f"static constexpr int16_t kMinVersion = {message.versions.low};")
        out.add(f"static constexpr int16_t kMaxVersion = {message.versions.high};")
        flexible = message.flexible & message.versions
        test = "false" if flexible.empty else condition(flexible, message.versions) or "true"
        parameter = "v" if "v" in test.replace("false", "") else "/*v*/"
        out.add(f"static constexpr bool is_flexible(int16_t {parameter}) {{ return {test}; }}")
        out.add()
    for field in fields:
        out.add(f"{cpp_type(field)} {member(field.name)}{initializer(field)};{range_note(field, message)}")
    if not message.flexible.empty:
        out.add("wire::RawTags unknown_tags;")
    out.add()
    out.add("void reset();")
    if root:
        out.add("Result<void> decode(bytes::Reader& reader, int16_t version);")
        out.add("[[nodiscard]] Result<void> encode(bytes::Writer& writer, int16_t version) const;")
    out.add(f"bool operator==(const {name}&) const = default;")
    out.close("};")


def range_note(field, message):
    parts = []
    versions = field.versions & message.versions
    if versions != message.versions:
        high = "+" if versions.high == message.versions.high else f"–{versions.high}"
        if versions.low == versions.high and high != "+":
            high = ""
        parts.append(f"v{versions.low}{high}")
    if field.tag is not None:
        parts.append(f"tag {field.tag}")
    return "  // " + ", ".join(parts) if parts else ""


class Codec:
    """The .cc file of a schema file."""

    def __init__(self, file):
        self.file = file
        self.out = Lines()

    def text(self):
        out = self.out
        out.add(f"// Generated from schema/{self.file.path}.msg. Changes belong there.")
        out.add(f'#include "{self.file.header}"')
        out.add()
        out.add('#include "wire/decoder.h"')
        out.add('#include "wire/encoder.h"')
        out.add()
        out.add("namespace semel::gen {")
        for message in self.file.messages:
            self.message(message)
        out.add("}  // namespace semel::gen")
        return out.text()

    def message(self, message):
        self.m = message
        if message.structs:
            self.out.add(f"namespace {namespace_of(message)} {{")
            for struct in message.structs:
                self.functions(struct.name, struct.fields, struct.versions)
            self.out.add(f"}}  // namespace {namespace_of(message)}")
            self.out.add()
        self.functions(message.name, message.fields, message.versions)
        name = message.name
        out = self.out
        for head, object_type, call in (
                (f"Result<void> {name}::decode(bytes::Reader& reader, int16_t v) {{",
                 "wire::Decoder d(reader", f'if (!get(d, *this)) return d.finish("{name}");'),
                (f"Result<void> {name}::encode(bytes::Writer& writer, int16_t v) const {{",
                 "wire::Encoder e(writer", "put(e, *this);")):
            out.open(head)
            out.add(f'if (v < kMinVersion || v > kMaxVersion) return wire::unsupported_version("{name}", v);')
            bound = ", wire::Decoder::kRequestMemoryMax" if message.kind == "request" and "get" in call else ""
            out.add(f"{object_type}, v, is_flexible(v){bound});")
            out.add(call)
            out.add("return {};" if "get" in call else "return e.finish();")
            out.close()
            out.add()

    def functions(self, name, fields, versions):
        self.struct_path = self.m.name if name == self.m.name else f"{self.m.name}.{name}"
        self.flexible = condition(self.m.flexible & self.m.versions, versions) \
            if not (self.m.flexible & versions).empty else "false"
        self.known = versions & self.m.versions
        self.reset(name, fields)
        self.decode(name, fields)
        self.encode(name, fields)

    def reset(self, name, fields):
        out = self.out
        out.open(f"void {name}::reset() {{")
        if fields:
            out.add("auto& m = *this;")
        for field in fields:
            out.add(reset_statement(field))
        if not self.m.flexible.empty:
            out.add("unknown_tags.clear();")
        out.close()
        out.add()

    # ---- decode

    def decode(self, name, fields):
        out = self.out
        out.open(f"static bool get([[maybe_unused]] wire::Decoder& d, [[maybe_unused]] {name}& m) {{")
        out.add("[[maybe_unused]] const int16_t v = d.version();")
        tagged = [f for f in fields if f.tag is not None]
        for field in fields:
            if field.tag is not None:
                continue
            test = condition(field.versions, self.known)
            if test:
                out.open(f"if ({test}) {{")
            self.decode_field(field)
            if test:
                out.depth -= 1
                out.open("} else {")
                out.add(reset_statement(field))
                out.close()
        for field in tagged:
            out.add(reset_statement(field))
        if not self.m.flexible.empty:
            out.add("m.unknown_tags.clear();")
        if self.flexible != "false":
            self.decode_tags(sorted(tagged, key=lambda f: f.tag))
        out.add("return true;")
        out.close()
        out.add()

    def decode_tags(self, tagged):
        out = self.out
        if not tagged:
            test = "d.flexible() && " if self.flexible else ""
            out.add(f'if ({test}!d.read_tags(m.unknown_tags)) return d.lost("tagged fields");')
            return
        if self.flexible:
            out.open("if (d.flexible()) {")
        out.add("wire::Decoder::TagCursor c;")
        out.open("while (d.next_tag(c)) {")
        out.open("switch (c.tag) {")
        for field in tagged:
            out.open(f"case {field.tag}: {{")
            test = condition(field.versions, self.known & self.m.flexible)
            if test:
                out.add(f'if (!({test})) return d.refuse_tag() || d.lost("{field.name}");')
            self.decode_field(field)
            out.add(f'if (!d.end_tag(c)) return d.lost("{field.name}");')
            out.add("break;")
            out.close()
        out.open("default:")
        out.add('if (!d.keep_tag(c, m.unknown_tags)) return d.lost("unknown tag", c.tag);')
        out.depth -= 1
        out.close()
        out.close()
        out.add('if (!d.ok()) return d.lost("tagged fields");')
        if self.flexible:
            out.close()

    def decode_field(self, field):
        out, m, lost = self.out, f"m.{member(field.name)}", f'return d.lost("{field.name}");'
        null = ""
        if field.is_nullable:
            null = condition(field.nullable, field.versions & self.known) or "true"
        if field.is_array and field.is_struct:
            return self.decode_array(field, m, null)
        if field.is_array:
            out.add(f"if (!d.read_array({m}{', ' + null if null else ''})) {lost}")
        elif field.is_struct and field.is_nullable:
            self.decode_nullable_struct(field, m, null)
        elif field.is_struct:
            out.add(f"if (!get(d, {m})) {lost}")
        elif field.not_compact:
            out.add(f"if (!d.read_not_compact({m}, {null})) {lost}")
        elif field.base == "records":
            out.add(f"if (!d.read({m}, {null or 'false'})) {lost}")
        else:
            out.add(f"if (!d.read({m}{', ' + null if null else ''})) {lost}")

    def decode_array(self, field, m, null):
        out = self.out
        memory = f"sizeof({struct_type(field, self.m)})"
        wire = max(1, self.least_size(self.m.struct(field.base)))
        out.open("{")
        out.add("size_t count = 0;")
        if null:
            out.add("bool is_null = false;")
            out.add(f'if (!d.read_nullable_count(count, is_null, {wire}, {memory})) return d.lost("{field.name}");')
            if null != "true":
                out.add(f'if (is_null && !({null})) return d.refuse_null() || d.lost("{field.name}");')
        else:
            out.add(f'if (!d.read_count(count, {wire}, {memory})) return d.lost("{field.name}");')
        out.add(f"auto* const elements = {m}.slots(count);")
        out.open("for (size_t i = 0; i < count; ++i) {")
        out.add(f'if (!get(d, elements[i])) return d.lost("{field.name}", i);')
        out.close()
        out.add(f"{m}.finish(count);")
        if null:
            out.add(f"if (is_null) {m}.set_null();")
        out.close()

    def decode_nullable_struct(self, field, m, null):
        out = self.out
        marker = "read_tagged_presence" if field.tag is not None else "read_presence"
        out.open("{")
        out.add("bool present = false;")
        out.add(f'if (!d.{marker}(present)) return d.lost("{field.name}");')
        if null != "true":
            out.add(f'if (!present && !({null})) return d.refuse_null() || d.lost("{field.name}");')
        out.open("if (present) {")
        out.add(f"if (!{m}) {m}.emplace();")
        out.add(f'if (!get(d, *{m})) return d.lost("{field.name}");')
        out.depth -= 1
        out.open("} else {")
        out.add(f"{m}.reset();")
        out.close()
        out.close()

    def least_size(self, struct):
        """Fewest bytes that the struct takes on the wire, over its versions."""
        versions = struct.versions & self.m.versions
        sizes = []
        for version in range(versions.low, versions.high + 1):
            flexible = version in self.m.flexible
            size = 1 if flexible else 0
            for field in struct.fields:
                if version in field.versions and field.tag is None:
                    size += self.least_field_size(field, flexible, version in field.nullable)
            sizes.append(size)
        return min(sizes)

    def least_field_size(self, field, flexible, nullable):
        if field.is_array or field.base in ("bytes", "records"):
            return 1 if flexible else 4
        if field.base == "string":
            return 1 if flexible and not field.not_compact else 2
        if field.is_struct:
            return 1 if nullable else self.least_size(self.m.struct(field.base))
        return SCALARS[field.base]

    # ---- encode

    def encode(self, name, fields):
        out = self.out
        out.open(f"static void put([[maybe_unused]] wire::Encoder& e, [[maybe_unused]] const {name}& m) {{")
        out.add("[[maybe_unused]] const int16_t v = e.version();")
        for field in fields:
            if field.tag is not None:
                continue
            test = condition(field.versions, self.known)
            if test:
                out.open(f"if ({test}) {{")
            self.encode_field(field)
            if test:
                out.close("}" if field.ignorable else f"}} else if ({is_not_default(field, self.m)}) {{")
                if not field.ignorable:
                    out.add(f'  e.refuse_version("{self.struct_path}.{field.name}");')
                    out.add("}")
        self.encode_tags(sorted((f for f in fields if f.tag is not None), key=lambda f: f.tag))
        out.close()
        out.add()

    def encode_tags(self, tagged):
        if self.m.flexible.empty:
            return
        out = self.out
        for field in tagged:
            name = member(field.name)
            test = condition(field.versions, self.known)
            out.add(f"const bool has_{name} = {is_not_default(field, self.m)};")
            if test and not field.ignorable:
                out.add(f'if (has_{name} && !({test})) e.refuse_version("{self.struct_path}.{field.name}");')
        if not tagged or self.flexible == "false":
            out.add(f'e.put_tags(m.unknown_tags, "{self.struct_path}.unknown_tags");')
            return
        if self.flexible:
            out.open("if (e.flexible()) {")
        out.add("size_t count = m.unknown_tags.size();")
        for field in tagged:
            out.add(f"if ({self.tag_test(field)}) ++count;")
        out.add("e.put_tag_count(count);")
        out.open("if (count > 0) {")
        out.add("size_t next = 0;")
        for field in tagged:
            out.open(f"if ({self.tag_test(field)}) {{")
            out.add(f"e.put_raw_tags(m.unknown_tags, next, {field.tag});")
            out.add(f"const size_t start = e.begin_tag({field.tag});")
            self.encode_field(field)
            out.add("e.end_tag(start);")
            out.close()
        out.add("e.put_raw_tags(m.unknown_tags, next);")
        out.close()
        if self.flexible:
            out.depth -= 1
            out.open("} else {")
            out.add(f'e.put_tags(m.unknown_tags, "{self.struct_path}.unknown_tags");')
            out.close()

    def tag_test(self, field):
        test = condition(field.versions, self.known & self.m.flexible)
        return f"has_{member(field.name)}" + (f" && {test}" if test else "")

    def encode_field(self, field):
        out, m, path = self.out, f"m.{member(field.name)}", f'"{self.struct_path}.{field.name}"'
        null = ""
        if field.is_nullable:
            null = condition(field.nullable, field.versions & self.known) or "true"
        if field.is_array and field.is_struct:
            if null:
                out.add(f"e.put_nullable_count({m}.size(), {m}.is_null(), {null}, {path});")
            else:
                out.add(f"e.put_count({m}.size());")
            out.add(f"for (const auto& element : {m}) put(e, element);")
        elif field.is_array:
            out.add(f"e.put_array({m}, {null + ', ' if null else ''}{path});")
        elif field.is_struct and field.is_nullable:
            if field.tag is not None:
                out.add(f"e.put_tagged_presence({m}.has_value());")
            else:
                out.add(f"e.put_presence({m}.has_value(), {null}, {path});")
            out.add(f"if ({m}) put(e, *{m});")
        elif field.is_struct:
            out.add(f"put(e, {m});")
        elif field.not_compact:
            out.add(f"e.put_not_compact({m}, {null}, {path});")
        elif field.base == "records":
            out.add(f"e.put({m}, {null or 'false'}, {path});")
        elif field.base in ("string", "bytes"):
            out.add(f"e.put({m}, {null + ', ' if null else ''}{path});")
        else:
            out.add(f"e.put({m});")
