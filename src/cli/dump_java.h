// What the look-alike of kafka-dump-log must share with Java: exceptions that end the tool, strings
// decoded as Java does, and the order of a HashMap.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "bytes/buffer.h"

namespace semel::cli {

/// Which Kafka's text is printed.
enum class DumpStyle : uint8_t { kKafka43, kKafka26 };

/// An exception that ends the tool: class name and message, as Java prints them behind
/// `Exception in thread "main" `.
struct JavaException {
  std::string text;
};
template <class T>
using Thrown = std::expected<T, JavaException>;

inline std::unexpected<JavaException> java_throw(std::string text) {
  return std::unexpected<JavaException>(JavaException{std::move(text)});
}

/// new String(bytes, UTF_8): every malformed piece becomes U+FFFD.
std::string java_string(bytes::ByteSpan bytes);
inline std::string java_string(std::string_view text) { return java_string(bytes::as_bytes(text)); }

/// String.hashCode of a UTF-8 text.
int32_t java_hash(std::string_view text);

/// The places of `keys` (distinct, in the order of insertion) in the order in which Java's HashMap
/// gives them.
std::vector<size_t> java_map_order(const std::vector<std::string>& keys);
/// The same by the keys' hash codes.
std::vector<size_t> java_hash_order(const std::vector<int32_t>& hashes, size_t buckets = 16);
/// The buckets of `new HashMap(capacity)`.
size_t java_table_size(size_t capacity);
/// Double.toString
std::string java_double(double value);
/// TopicPartition.hashCode
int32_t java_partition_hash(const TopicPartition& partition);

}  // namespace semel::cli

#define SEMEL_JAVA_TRY(declaration, expression) \
  SEMEL_JAVA_TRY_INNER(SEMEL_JAVA_CONCAT(semel_java_, __LINE__), declaration, expression)
#define SEMEL_JAVA_CONCAT_INNER(a, b) a##b
#define SEMEL_JAVA_CONCAT(a, b) SEMEL_JAVA_CONCAT_INNER(a, b)
#define SEMEL_JAVA_TRY_INNER(temporary, declaration, expression)        \
  auto temporary = (expression);                                        \
  if (!temporary) return std::unexpected(std::move(temporary.error())); \
  declaration = std::move(*temporary)
