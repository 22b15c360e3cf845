// Decoder: reads the primitive fields of one message version. Generated code calls it; every read
// returns false on failure, and each level of the message then adds its field to the trail, so that
// the error names the path of the field: "ProduceRequest.TopicData[0].Name: ...".
//
// Hostile bytes: a count is believed only if that many smallest elements fit into what is left and
// their memory fits into the budget (see kFreeMemory); then exactly that much is taken.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "bytes/reader.h"
#include "wire/array.h"
#include "wire/raw_tags.h"
#include "wire/records.h"

namespace semel::wire {

class Decoder {
 public:
  /// Memory behind the message itself (elements, long texts, unknown tags) that any message may
  /// take, how many bytes more for each byte of the message, and what no request may pass.
  static constexpr size_t kFreeMemory = size_t{1} << 20;
  static constexpr size_t kMemoryPerByte = 8;
  static constexpr size_t kRequestMemoryMax = size_t{64} << 20;
  static constexpr size_t kNoMemoryMax = ~size_t{0};

  Decoder(bytes::Reader& reader, int16_t version, bool flexible, size_t memory_max = kNoMemoryMax)
      : version_(version),
        flexible_(flexible),
        reader_(reader),
        budget_(std::min(memory_max, kFreeMemory + kMemoryPerByte * reader.remaining())) {}

  int16_t version() const { return version_; }
  bool flexible() const { return flexible_; }

  template <std::integral T>
  bool read(T& out) {
    if (reader_.remaining() < sizeof(T)) [[unlikely]]
      return refuse("the bytes end early");
    out = reader_.read_be<T>();
    return true;
  }
  bool read(bool& out) {
    int8_t raw = 0;
    const bool ok = read(raw);
    out = raw != 0;
    return ok;
  }
  bool read(double& out) {
    uint64_t raw = 0;
    const bool ok = read(raw);
    out = std::bit_cast<double>(raw);
    return ok;
  }
  bool read(Uuid& out);
  bool read(std::string& out);
  bool read(bytes::Buffer& out);
  bool read(std::optional<std::string>& out, bool nullable);
  bool read(std::optional<bytes::Buffer>& out, bool nullable);
  bool read(Records& out, bool nullable);
  /// A string in the form with a 16-bit length, whatever the version says.
  bool read_not_compact(std::optional<std::string>& out, bool nullable);

  /// Arrays of int8, int16, int32, int64, uuid and string.
  template <class T>
  bool read_array(Array<T>& out);
  template <class T>
  bool read_array(NullableArray<T>& out, bool nullable);

  /// The count of an array whose elements take at least `wire_size` ≥ 1 bytes on the wire and
  /// `memory_size` bytes in memory. The second form takes a null, with count 0.
  bool read_count(size_t& count, size_t wire_size, size_t memory_size);
  bool read_nullable_count(size_t& count, bool& is_null, size_t wire_size, size_t memory_size);
  /// The marker before a nullable struct: a byte, or inside a tagged field an unsigned varint.
  bool read_presence(bool& present);
  bool read_tagged_presence(bool& present);

  /// Tagged section: `for (TagCursor c; d.next_tag(c);) switch (c.tag) {...}`; after each known
  /// field end_tag(c), for unknown ones keep_tag(c, tags). When next_tag returns false, check ok().
  struct TagCursor {
    uint32_t left = 0;
    uint32_t tag = 0;
    uint32_t size = 0;
    size_t start = 0;
    bool started = false;
  };
  bool next_tag(TagCursor& cursor);
  bool end_tag(const TagCursor& cursor);
  bool keep_tag(const TagCursor& cursor, RawTags& tags);
  /// The section of a struct that knows no tags.
  bool read_tags(RawTags& tags) {
    const bytes::ByteSpan rest = reader_.rest();
    if (rest.empty() || rest[0] != std::byte{0}) [[unlikely]]
      return read_some_tags(tags);
    reader_.skip(1);
    return true;
  }
  /// A field whose tag exists in other versions only.
  bool refuse_tag() { return refuse("a tagged field is not valid in this version"); }

  bool refuse_null() { return refuse(kNullNotAllowed); }

  bool ok() const { return reader_.ok(); }
  /// Adds `field` to the trail of the failure; innermost first. Always false.
  bool lost(const char* field);
  bool lost(const char* field, size_t index);
  /// The outcome, with `message` as the root of the trail.
  Result<void> finish(const char* message) const;

 private:
  static constexpr const char* kNullNotAllowed = "null is not allowed here";
  static constexpr size_t kTrailMax = 16;
  static constexpr size_t kNoIndex = ~size_t{0};
  struct Step {
    const char* field;
    size_t index;
  };

  bool refuse(const char* why) {
    reader_.fail(why);
    return false;
  }
  /// Length of a string or of bytes; −1 = null.
  bool read_length(int64_t& length);
  bool read_text_length(int64_t& length, bool compact);
  bool read_text(std::string& out, int64_t length);
  bool read_some_tags(RawTags& tags);
  bool read_raw_count(size_t& count, bool& is_null);
  bool admit_count(size_t count, size_t wire_size, size_t memory_size);
  bool charge(size_t memory, const char* why) {
    if (memory > budget_) [[unlikely]]
      return refuse(why);
    budget_ -= memory;
    return true;
  }
  template <class T>
  bool read_elements(Array<T>& out, size_t count);

  const int16_t version_;
  const bool flexible_;
  bytes::Reader& reader_;
  size_t budget_;
  size_t trail_size_ = 0;
  std::array<Step, kTrailMax> trail_;
};

/// The error for a version outside [min, max].
std::unexpected<Error> unsupported_version(const char* message, int16_t version);

}  // namespace semel::wire
