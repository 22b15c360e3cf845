// Encoder: writes the primitive fields of one message version. Generated code calls it. The first
// refusal sticks (a null where the version has none, a string over 32767 bytes, a value in a
// version that lacks its field); what was written by then is worthless and the caller drops it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "bytes/writer.h"
#include "wire/array.h"
#include "wire/raw_tags.h"
#include "wire/records.h"

namespace semel::wire {

class Encoder {
 public:
  Encoder(bytes::Writer& writer, int16_t version, bool flexible)
      : version_(version), flexible_(flexible), writer_(writer) {}

  int16_t version() const { return version_; }
  bool flexible() const { return flexible_; }

  template <std::integral T>
  void put(T value) {
    writer_.put_be(value);
  }
  void put(bool value) { writer_.put_bool(value); }
  void put(double value) { writer_.put_f64(value); }
  void put(const Uuid& value) { writer_.put_uuid(value); }

  // `field` is the literal path that an error names.
  void put(std::string_view text, const char* field);
  void put(const bytes::Buffer& content, const char* field);
  void put(const std::optional<std::string>& text, bool nullable, const char* field);
  void put(const std::optional<bytes::Buffer>& content, bool nullable, const char* field);
  void put(const Records& records, bool nullable, const char* field);
  void put_not_compact(const std::optional<std::string>& text, bool nullable, const char* field);

  /// Arrays of int8, int16, int32, int64, uuid and string.
  template <class T>
  void put_array(const Array<T>& array, const char* field);
  template <class T>
  void put_array(const NullableArray<T>& array, bool nullable, const char* field);

  /// Count of an array of structs; the elements follow.
  void put_count(size_t count);
  void put_nullable_count(size_t count, bool is_null, bool nullable, const char* field);
  /// Marker before a nullable struct.
  void put_presence(bool present, bool nullable, const char* field);
  void put_tagged_presence(bool present) { writer_.put_uvarint(present ? 1 : 0); }

  /// Tagged section: put_tag_count, then per field in ascending order begin_tag … end_tag, with the
  /// unknown ones between. `next` counts the unknown tags that are out.
  void put_tag_count(size_t count) { writer_.put_uvarint(static_cast<uint32_t>(count)); }
  size_t begin_tag(uint32_t tag) {
    writer_.put_uvarint(tag);
    return writer_.size();
  }
  /// Puts the size before the content that was written since begin_tag returned `start`. Records,
  /// whose bytes may be spliced, are never tagged.
  void end_tag(size_t start);
  void put_raw_tags(const RawTags& tags, size_t& next, uint32_t before);
  /// What is left of the unknown tags.
  void put_raw_tags(const RawTags& tags, size_t& next);
  /// The whole section of a struct that knows no tags; nothing where the version is not flexible.
  void put_tags(const RawTags& tags, const char* field) {
    if (flexible_ && tags.empty()) return writer_.put_i8(0);
    if (!tags.empty()) put_some_tags(tags, field);
  }

  void refuse(const char* field, const char* why);
  /// A value that is not the default in a version that lacks the field.
  void refuse_version(const char* field) { refuse(field, "the version has no such field"); }
  Result<void> finish() const;

 private:
  void put_text(std::string_view text, bool compact, const char* field);
  void put_content(const bytes::Buffer& content, const char* field);
  void put_raw_tag(const RawTag& raw);
  void put_some_tags(const RawTags& tags, const char* field);
  void put_length(size_t length);
  void put_null();
  template <class T>
  void put_elements(const Array<T>& array, const char* field);

  const int16_t version_;
  const bool flexible_;
  bytes::Writer& writer_;
  const char* refused_field_ = nullptr;
  const char* refused_why_ = nullptr;
};

}  // namespace semel::wire
