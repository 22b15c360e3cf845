#include "wire/encoder.h"

#include <cstring>
#include <limits>

#include <fmt/format.h>

namespace semel::wire {
namespace {

constexpr size_t kTextMax = std::numeric_limits<int16_t>::max();
constexpr size_t kBytesMax = std::numeric_limits<int32_t>::max() - 1;
constexpr const char* kNullNotAllowed = "null is not allowed here";

}  // namespace

void Encoder::put_length(size_t length) {
  if (flexible_) {
    writer_.put_uvarint(static_cast<uint32_t>(length + 1));
  } else {
    writer_.put_i32(static_cast<int32_t>(length));
  }
}

void Encoder::put_null() {
  if (flexible_) {
    writer_.put_uvarint(0);
  } else {
    writer_.put_i32(-1);
  }
}

void Encoder::put_text(std::string_view text, bool compact, const char* field) {
  if (text.size() > kTextMax) return refuse(field, "a string is longer than 32767 bytes");
  if (compact) {
    writer_.put_uvarint(static_cast<uint32_t>(text.size() + 1));
  } else {
    writer_.put_i16(static_cast<int16_t>(text.size()));
  }
  writer_.put_text(text);
}

void Encoder::put(std::string_view text, const char* field) { put_text(text, flexible_, field); }

void Encoder::put(const std::optional<std::string>& text, bool nullable, const char* field) {
  if (text) return put_text(*text, flexible_, field);
  if (!nullable) return refuse(field, kNullNotAllowed);
  if (flexible_) {
    writer_.put_uvarint(0);
  } else {
    writer_.put_i16(-1);
  }
}

void Encoder::put_not_compact(const std::optional<std::string>& text, bool nullable,
                              const char* field) {
  if (text) return put_text(*text, false, field);
  if (!nullable) return refuse(field, kNullNotAllowed);
  writer_.put_i16(-1);
}

void Encoder::put_content(const bytes::Buffer& content, const char* field) {
  if (content.size() > kBytesMax) return refuse(field, "bytes are longer than a length can say");
  put_length(content.size());
  writer_.put_bytes(content.span());
}

void Encoder::put(const bytes::Buffer& content, const char* field) { put_content(content, field); }

void Encoder::put(const std::optional<bytes::Buffer>& content, bool nullable, const char* field) {
  if (content) return put_content(*content, field);
  if (!nullable) return refuse(field, kNullNotAllowed);
  put_null();
}

void Encoder::put(const Records& records, bool nullable, const char* field) {
  if (records.is_null()) {
    if (!nullable) return refuse(field, kNullNotAllowed);
    return put_null();
  }
  if (!records.is_external()) return put_content(records.buffer(), field);
  put_length(records.size());
  writer_.put_splice(records.external_id(), static_cast<uint32_t>(records.size()));
}

template <class T>
void Encoder::put_elements(const Array<T>& array, const char* field) {
  put_count(array.size());
  if constexpr (std::is_same_v<T, std::string>) {
    for (const std::string& text : array) put(text, field);
  } else {
    for (const T& element : array) put(element);
  }
}

template <class T>
void Encoder::put_array(const Array<T>& array, const char* field) {
  put_elements(array, field);
}

template <class T>
void Encoder::put_array(const NullableArray<T>& array, bool nullable, const char* field) {
  if (!array.is_null()) return put_elements(array, field);
  if (!nullable) return refuse(field, kNullNotAllowed);
  put_null();
}

#define SEMEL_X(T)                                                                  \
  template void Encoder::put_array<T>(const Array<T>& array, const char* field);    \
  template void Encoder::put_array<T>(const NullableArray<T>& array, bool nullable, \
                                      const char* field);
SEMEL_X(int8_t)
SEMEL_X(int16_t)
SEMEL_X(int32_t)
SEMEL_X(int64_t)
SEMEL_X(Uuid)
SEMEL_X(std::string)
#undef SEMEL_X

void Encoder::put_count(size_t count) {
  SEMEL_ASSERT(count <= kBytesMax);
  put_length(count);
}

void Encoder::put_nullable_count(size_t count, bool is_null, bool nullable, const char* field) {
  if (!is_null) return put_count(count);
  if (!nullable) return refuse(field, kNullNotAllowed);
  put_null();
}

void Encoder::put_presence(bool present, bool nullable, const char* field) {
  if (!present && !nullable) return refuse(field, kNullNotAllowed);
  writer_.put_i8(present ? 1 : -1);
}

void Encoder::end_tag(size_t start) {
  const size_t size = writer_.size() - start;
  const size_t prefix = bytes::uvarint_size(static_cast<uint32_t>(size));
  std::byte* content = writer_.extend(prefix).data() - size;
  std::memmove(content + prefix, content, size);
  auto rest = static_cast<uint32_t>(size);
  for (size_t i = 0; i < prefix; ++i, rest >>= 7)
    content[i] = static_cast<std::byte>((rest & 0x7f) | (i + 1 < prefix ? 0x80 : 0));
}

void Encoder::put_raw_tags(const RawTags& tags, size_t& next, uint32_t before) {
  for (const auto all = tags.all(); next < all.size() && all[next].tag < before; ++next)
    put_raw_tag(all[next]);
}

void Encoder::put_raw_tags(const RawTags& tags, size_t& next) {
  for (const auto all = tags.all(); next < all.size(); ++next) put_raw_tag(all[next]);
}

void Encoder::put_raw_tag(const RawTag& raw) {
  writer_.put_uvarint(raw.tag);
  writer_.put_uvarint(static_cast<uint32_t>(raw.content.size()));
  writer_.put_bytes(raw.content.span());
}

void Encoder::put_some_tags(const RawTags& tags, const char* field) {
  if (!flexible_) return refuse_version(field);
  put_tag_count(tags.size());
  size_t next = 0;
  put_raw_tags(tags, next);
}

void Encoder::refuse(const char* field, const char* why) {
  if (refused_field_ != nullptr) return;
  refused_field_ = field;
  refused_why_ = why;
}

Result<void> Encoder::finish() const {
  if (refused_field_ == nullptr) return {};
  return fail(ErrorCode::kUnsupportedVersion,
              fmt::format("{}, version {}: {}", refused_field_, version_, refused_why_));
}

}  // namespace semel::wire
