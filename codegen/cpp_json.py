"""C++ that prints messages as Kafka's JSON converters do, and a table over all messages."""

from cpp import Lines, condition, is_not_default, namespace_of
from names import json_key, member
from schema import SCALARS

JSON_HEADER = '''// Generated from schema/*.msg. Changes belong there.
//
// Messages as the JSON text of Kafka's converters: fields that the version has, in the order of the
// schema; tagged fields only if they are not the default; bytes and records in base64.
#pragma once

#include <string>

#include "wire/json_writer.h"

namespace semel::gen {

@TYPES@
@FUNCTIONS@
/// `message` alone, e.g. {"errorCode":0}.
template <class Message>
std::string to_json(const Message& message, int16_t version) {
  std::string text;
  wire::JsonWriter writer(text);
  put_json(writer, message, version);
  return text;
}

}  // namespace semel::gen
'''
ANY_HEADER = '''// Generated from schema/*.msg. Changes belong there.
//
// Every message behind one interface, for tools and tests that meet any of them.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "bytes/reader.h"
#include "bytes/writer.h"

namespace semel::gen {

enum class MessageKind : uint8_t {
  kRequest,
  kResponse,
  kMetadataRecord,   // __cluster_metadata
  kGroupKey,         // __consumer_offsets
  kGroupValue,
  kTransactionKey,   // __transaction_state
  kTransactionValue,
  kShareKey,         // __share_group_state
  kShareValue,
  kRemoteLogRecord,  // __remote_log_metadata
  kData,
};

struct AnyMessage {
  MessageKind kind;
  int16_t number;  // API key or record type; −1 for kData
  std::string_view name;
  int16_t min_version;
  int16_t max_version;
  /// Decodes and encodes again.
  Result<void> (*recode)(bytes::Reader& reader, int16_t version, bytes::Writer& writer);
  /// Decodes and appends the JSON of Kafka's converters.
  Result<void> (*print)(bytes::Reader& reader, int16_t version, std::string& json);
};

std::span<const AnyMessage> all_messages();
/// Null if there is none. For kData use the second form.
const AnyMessage* find_message(MessageKind kind, int16_t number);
const AnyMessage* find_message(std::string_view name);

}  // namespace semel::gen
'''
ANY_CODE = '''// Generated from schema/*.msg. Changes belong there.
#include "gen/any_message.h"

@INCLUDES@#include "gen/json.h"

namespace semel::gen {
namespace {

template <class Message>
Result<void> recode(bytes::Reader& reader, int16_t version, bytes::Writer& writer) {
  Message message;
  if (auto decoded = message.decode(reader, version); !decoded) return decoded;
  return message.encode(writer, version);
}

template <class Message>
Result<void> print(bytes::Reader& reader, int16_t version, std::string& json) {
  Message message;
  if (auto decoded = message.decode(reader, version); !decoded) return decoded;
  wire::JsonWriter writer(json);
  put_json(writer, message, version);
  return {};
}

template <class Message>
constexpr AnyMessage row(MessageKind kind, int16_t number, std::string_view name) {
  return {kind, number, name, Message::kMinVersion, Message::kMaxVersion, recode<Message>,
          print<Message>};
}

constexpr AnyMessage kMessages[] = {
@ROWS@};

}  // namespace

std::span<const AnyMessage> all_messages() { return kMessages; }

const AnyMessage* find_message(MessageKind kind, int16_t number) {
  for (const AnyMessage& message : kMessages)
    if (message.kind == kind && message.number == number) return &message;
  return nullptr;
}

const AnyMessage* find_message(std::string_view name) {
  for (const AnyMessage& message : kMessages)
    if (message.name == name) return &message;
  return nullptr;
}

}  // namespace semel::gen
'''


def kind_of(message):
    if message.kind != "record":
        return "k" + message.kind.capitalize()
    if message.group == "metadata":
        return "kMetadataRecord"
    if message.group == "remote-log":
        return "kRemoteLogRecord"
    return "k" + message.group.capitalize() + message.part.capitalize()


def json_header(files):
    types, functions = Lines(), Lines()
    for file in files:
        for message in file.messages:
            types.add(f"struct {message.name};")
            functions.add(f"void put_json(wire::JsonWriter& j, const {message.name}& m, int16_t v);")
    return JSON_HEADER.replace("@TYPES@", types.text()).replace("@FUNCTIONS@", functions.text())


def any_table(files):
    includes, rows = Lines(), Lines()
    for file in files:
        includes.add(f'#include "{file.header}"')
        for message in file.messages:
            number = -1 if message.number is None else message.number
            rows.add(f'    row<{message.name}>(MessageKind::{kind_of(message)}, {number}, "{message.name}"),')
    code = ANY_CODE.replace("@INCLUDES@", includes.text()).replace("@ROWS@", rows.text())
    return ANY_HEADER, code


class Printer:
    """The JSON .cc file of a schema file."""

    def __init__(self, file):
        self.file = file
        self.out = Lines()

    def text(self):
        out = self.out
        out.add(f"// Generated from schema/{self.file.path}.msg. Changes belong there.")
        out.add(f'#include "{self.file.header}"')
        out.add('#include "gen/json.h"')
        out.add()
        out.add("namespace semel::gen {")
        for message in self.file.messages:
            self.m = message
            if message.structs:
                out.add(f"namespace {namespace_of(message)} {{")
                for struct in message.structs:
                    self.function("static ", struct.name, struct.fields, struct.versions & message.versions)
                out.add(f"}}  // namespace {namespace_of(message)}")
                out.add()
            self.function("", message.name, message.fields, message.versions)
        out.add("}  // namespace semel::gen")
        return out.text()

    def function(self, storage, name, fields, known):
        out = self.out
        out.open(f"{storage}void put_json(wire::JsonWriter& j, [[maybe_unused]] const {name}& m, "
                 "[[maybe_unused]] int16_t v) {")
        out.add("j.begin_object();")
        for field in fields:
            tests = []
            versions = field.versions if field.tag is None else field.versions & self.m.flexible
            if condition(versions, known):
                tests.append(condition(versions, known))
            if field.tag is not None:
                tests.append(is_not_default(field, self.m))
            if tests:
                out.open(f"if ({' && '.join(tests)}) {{")
            out.add(f'j.key("{json_key(field.name)}");')
            self.value(field)
            if tests:
                out.close()
        out.add("j.end_object();")
        out.close()
        out.add()

    def value(self, field):
        out, m = self.out, f"m.{member(field.name)}"
        if field.base == "records":
            return out.add(f"{m}.is_null() ? j.put_null() : j.put_base64({m}.buffer().span());")
        is_null = f"{m}.is_null()" if field.is_array else f"!{m}"
        if field.is_nullable:
            out.open(f"if ({is_null}) {{")
            out.add("j.put_null();")
            out.depth -= 1
            out.open("} else {")
        if field.is_array:
            out.add("j.begin_array();")
            out.add(f"for (const auto& element : {m}) {self.scalar(field, 'element')};")
            out.add("j.end_array();")
        else:
            out.add(self.scalar(field, f"*{m}" if field.is_nullable else m) + ";")
        if field.is_nullable:
            out.close()

    def scalar(self, field, value):
        if field.is_struct:
            return f"put_json(j, {value}, v)"
        if field.base == "string":
            return f"j.put_text({value})"
        if field.base == "bytes":
            return f"j.put_base64(({value}).span())"
        if field.base == "uuid":
            return f"j.put_uuid({value})"
        if field.base == "bool":
            return f"j.put_bool({value})"
        if field.base == "float64":
            return f"j.put_double({value})"
        assert field.base in SCALARS
        return f"j.put_int({value})"
