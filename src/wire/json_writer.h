// JsonWriter: compact JSON text as Kafka's tools print it (Jackson's form): raw UTF-8, control
// characters escaped, base64 with padding for bytes, doubles as Java prints them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "bytes/buffer.h"

namespace semel::wire {

class JsonWriter {
 public:
  /// Appends to `out`, which must outlive *this.
  explicit JsonWriter(std::string& out) : out_(out) {}

  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }
  /// `name` is written as it is.
  void key(std::string_view name);

  void put_int(int64_t value);
  void put_bool(bool value);
  void put_double(double value);
  /// Bytes that are no UTF-8 become U+FFFD.
  void put_text(std::string_view text);
  void put_uuid(const Uuid& value);
  void put_base64(bytes::ByteSpan content);
  void put_null();
  /// A finished JSON value.
  void put_raw(std::string_view json);

 private:
  void separate();
  void open(char bracket);
  void close(char bracket);
  void put_escaped(std::string_view text);

  std::string& out_;
  bool needs_comma_ = false;
};

/// As Java's Double.toString: "0.0", "1.0E10", "1.5".
std::string java_double(double value);
/// Standard base64 with padding (RFC 4648 §4).
std::string base64(bytes::ByteSpan content);

}  // namespace semel::wire
