#include "wire/decoder.h"

#include <limits>

#include <fmt/format.h>

namespace semel::wire {
namespace {

constexpr int64_t kNull = -1;
constexpr int64_t kTextMax = std::numeric_limits<int16_t>::max();
constexpr size_t kTextInPlace = 15;                // a longer text has memory of its own
constexpr size_t kTagMemory = 2 * sizeof(RawTag);  // their vector doubles
constexpr const char* kTooLong = "a length is greater than the bytes that are left";

}  // namespace

bool Decoder::read(Uuid& out) {
  if (reader_.remaining() < out.bytes.size()) return refuse("the bytes end early");
  out = reader_.read_uuid();
  return true;
}

bool Decoder::read_text_length(int64_t& length, bool compact) {
  if (compact) {
    length = static_cast<int64_t>(reader_.read_uvarint()) - 1;
  } else {
    length = reader_.read_i16();
  }
  if (!reader_.ok()) return false;
  if (length > kTextMax) return refuse("a string is longer than 32767 bytes");
  if (length > static_cast<int64_t>(reader_.remaining())) return refuse(kTooLong);
  return true;
}

bool Decoder::read_length(int64_t& length) {
  if (flexible_) {
    length = static_cast<int64_t>(reader_.read_uvarint()) - 1;
  } else {
    length = reader_.read_i32();
  }
  if (!reader_.ok()) return false;
  if (length > static_cast<int64_t>(reader_.remaining())) return refuse(kTooLong);
  return true;
}

bool Decoder::read_text(std::string& out, int64_t length) {
  if (static_cast<size_t>(length) > kTextInPlace &&
      !charge(static_cast<size_t>(length), "its text needs more memory than the message may take"))
    return false;
  out.assign(reader_.read_text(static_cast<size_t>(length)));
  return true;
}

bool Decoder::read(std::string& out) {
  int64_t length = 0;
  if (!read_text_length(length, flexible_)) return false;
  if (length < 0) return refuse(kNullNotAllowed);
  return read_text(out, length);
}

bool Decoder::read(std::optional<std::string>& out, bool nullable) {
  int64_t length = 0;
  if (!read_text_length(length, flexible_)) return false;
  if (length < 0) {
    out.reset();
    return nullable || refuse(kNullNotAllowed);
  }
  if (!out) out.emplace();
  return read_text(*out, length);
}

bool Decoder::read_not_compact(std::optional<std::string>& out, bool nullable) {
  int64_t length = 0;
  if (!read_text_length(length, false)) return false;
  if (length < 0) {
    out.reset();
    return nullable || refuse(kNullNotAllowed);
  }
  if (!out) out.emplace();
  return read_text(*out, length);
}

bool Decoder::read(bytes::Buffer& out) {
  int64_t length = 0;
  if (!read_length(length)) return false;
  if (length < 0) return refuse(kNullNotAllowed);
  out = reader_.read_buffer(static_cast<size_t>(length));
  return true;
}

bool Decoder::read(std::optional<bytes::Buffer>& out, bool nullable) {
  int64_t length = 0;
  if (!read_length(length)) return false;
  if (length < 0) {
    out.reset();
    return nullable || refuse(kNullNotAllowed);
  }
  out = reader_.read_buffer(static_cast<size_t>(length));
  return true;
}

bool Decoder::read(Records& out, bool nullable) {
  int64_t length = 0;
  if (!read_length(length)) return false;
  if (length < 0) {
    out.reset();
    return nullable || refuse(kNullNotAllowed);
  }
  out = Records(reader_.read_buffer(static_cast<size_t>(length)));
  return true;
}

bool Decoder::read_raw_count(size_t& count, bool& is_null) {
  int64_t raw = kNull;
  if (flexible_) {
    raw = static_cast<int64_t>(reader_.read_uvarint()) - 1;
  } else {
    raw = reader_.read_i32();
  }
  is_null = raw < 0;
  count = is_null ? 0 : static_cast<size_t>(raw);
  return reader_.ok();
}

bool Decoder::admit_count(size_t count, size_t wire_size, size_t memory_size) {
  if (count > reader_.remaining() / wire_size)
    return refuse("a count is greater than the bytes that are left can hold");
  return charge(count * memory_size, "its elements need more memory than the message may take");
}

bool Decoder::read_count(size_t& count, size_t wire_size, size_t memory_size) {
  bool is_null = false;
  if (!read_raw_count(count, is_null)) return false;
  if (is_null) return refuse(kNullNotAllowed);
  return admit_count(count, wire_size, memory_size);
}

bool Decoder::read_nullable_count(size_t& count, bool& is_null, size_t wire_size,
                                  size_t memory_size) {
  return read_raw_count(count, is_null) && admit_count(count, wire_size, memory_size);
}

template <class T>
bool Decoder::read_elements(Array<T>& out, size_t count) {
  T* const elements = out.slots(count);
  for (size_t i = 0; i < count; ++i) {
    if (!read(elements[i])) return false;
  }
  out.finish(count);
  return true;
}

template <class T>
bool Decoder::read_array(Array<T>& out) {
  constexpr size_t kWireSize = std::is_same_v<T, std::string> ? 1 : sizeof(T);
  size_t count = 0;
  return read_count(count, kWireSize, sizeof(T)) && read_elements(out, count);
}

template <class T>
bool Decoder::read_array(NullableArray<T>& out, bool nullable) {
  constexpr size_t kWireSize = std::is_same_v<T, std::string> ? 1 : sizeof(T);
  size_t count = 0;
  bool is_null = false;
  if (!read_nullable_count(count, is_null, kWireSize, sizeof(T))) return false;
  if (is_null) {
    out.set_null();
    return nullable || refuse(kNullNotAllowed);
  }
  if (!read_elements(out, count)) return false;
  out.finish(count);
  return true;
}

#define SEMEL_X(T)                                      \
  template bool Decoder::read_array<T>(Array<T> & out); \
  template bool Decoder::read_array<T>(NullableArray<T> & out, bool nullable);
SEMEL_X(int8_t)
SEMEL_X(int16_t)
SEMEL_X(int32_t)
SEMEL_X(int64_t)
SEMEL_X(Uuid)
SEMEL_X(std::string)
#undef SEMEL_X

bool Decoder::read_presence(bool& present) {
  int8_t marker = 0;
  const bool ok = read(marker);
  present = marker >= 0;
  return ok;
}

bool Decoder::read_tagged_presence(bool& present) {
  present = reader_.read_uvarint() != 0;
  return reader_.ok();
}

bool Decoder::next_tag(TagCursor& cursor) {
  if (!cursor.started) {
    cursor.left = reader_.read_uvarint();
    if (cursor.left > reader_.remaining() / 2)
      return refuse("there are more tagged fields than bytes");
  }
  if (!reader_.ok() || cursor.left == 0) return false;
  --cursor.left;
  const uint32_t tag = reader_.read_uvarint();
  if (cursor.started && tag <= cursor.tag) return refuse("tags are not in ascending order");
  cursor.started = true;
  cursor.tag = tag;
  cursor.size = reader_.read_uvarint();
  cursor.start = reader_.position();
  if (cursor.size > reader_.remaining()) return refuse(kTooLong);
  return reader_.ok();
}

bool Decoder::end_tag(const TagCursor& cursor) {
  if (!reader_.ok()) return false;
  if (reader_.position() - cursor.start == cursor.size) return true;
  return refuse("the size of a tagged field is not that of its content");
}

bool Decoder::keep_tag(const TagCursor& cursor, RawTags& tags) {
  if (!charge(kTagMemory, "its tags need more memory than the message may take")) return false;
  tags.append(cursor.tag, reader_.read_buffer(cursor.size));
  return reader_.ok();
}

bool Decoder::read_some_tags(RawTags& tags) {
  TagCursor cursor;
  while (next_tag(cursor)) {
    if (!keep_tag(cursor, tags)) return lost("unknown tag", cursor.tag);
  }
  return ok();
}

bool Decoder::lost(const char* field) { return lost(field, kNoIndex); }

bool Decoder::lost(const char* field, size_t index) {
  SEMEL_ASSERT(trail_size_ < trail_.size(), "messages nest less deeply");
  trail_[trail_size_++] = {field, index};
  return false;
}

Result<void> Decoder::finish(const char* message) const {
  if (reader_.ok()) return {};
  std::string path = message;
  for (size_t i = trail_size_; i-- > 0;) {
    path += '.';
    path += trail_[i].field;
    if (trail_[i].index != kNoIndex) path += fmt::format("[{}]", trail_[i].index);
  }
  return fail(ErrorCode::kInvalidRequest, fmt::format("{}: {}", path, reader_.failure()));
}

std::unexpected<Error> unsupported_version(const char* message, int16_t version) {
  return fail(ErrorCode::kUnsupportedVersion,
              fmt::format("{} has no version {}", message, version));
}

}  // namespace semel::wire
