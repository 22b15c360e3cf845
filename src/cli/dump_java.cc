#include "cli/dump_java.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>

#include <fmt/format.h>

namespace semel::cli {
namespace {

struct Decoded {
  uint32_t code_point = 0xfffd;
  size_t size =
      1;  // bytes used up; a malformed piece is its longest prefix that could begin a character
};

/// The lowest and highest second byte that may follow `lead`.
std::pair<uint8_t, uint8_t> second_byte_range(uint8_t lead) {
  switch (lead) {
    case 0xe0:
      return {0xa0, 0xbf};
    case 0xed:
      return {0x80, 0x9f};
    case 0xf0:
      return {0x90, 0xbf};
    case 0xf4:
      return {0x80, 0x8f};
    default:
      return {0x80, 0xbf};
  }
}

Decoded decode_character(std::string_view rest) {
  const auto lead = static_cast<uint8_t>(rest[0]);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xc2 || lead > 0xf4) return {};
  const size_t size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  uint32_t code_point = lead & (0xffu >> (size + 1));
  for (size_t i = 1; i < size; ++i) {
    const auto [low, high] =
        i == 1 ? second_byte_range(lead) : std::pair<uint8_t, uint8_t>{0x80, 0xbf};
    if (i >= rest.size()) return {0xfffd, i};
    const auto byte = static_cast<uint8_t>(rest[i]);
    if (byte < low || byte > high) return {0xfffd, i};
    code_point = code_point << 6 | (byte & 0x3fu);
  }
  return {code_point, size};
}

}  // namespace

std::string java_string(bytes::ByteSpan bytes) {
  const std::string_view text = bytes::as_text(bytes);
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Decoded decoded = decode_character(text.substr(at));
    if (decoded.code_point == 0xfffd)
      out += "\xef\xbf\xbd";
    else
      out += text.substr(at, decoded.size);
    at += decoded.size;
  }
  return out;
}

int32_t java_hash(std::string_view text) {
  uint32_t hash = 0;
  for (size_t at = 0; at < text.size();) {
    const Decoded decoded = decode_character(text.substr(at));
    const uint32_t code_point = decoded.code_point;
    if (code_point >= 0x10000) {
      hash = hash * 31 + (0xd800 + ((code_point - 0x10000) >> 10));
      hash = hash * 31 + (0xdc00 + ((code_point - 0x10000) & 0x3ff));
    } else {
      hash = hash * 31 + code_point;
    }
    at += decoded.size;
  }
  return static_cast<int32_t>(hash);
}

std::vector<size_t> java_map_order(const std::vector<std::string>& keys) {
  std::vector<int32_t> hashes;
  for (const std::string& key : keys) hashes.push_back(java_hash(key));
  return java_hash_order(hashes);
}

size_t java_table_size(size_t capacity) { return std::bit_ceil(std::max<size_t>(capacity, 1)); }

std::string java_double(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  if (value == 0) return std::signbit(value) ? "-0.0" : "0.0";
  // The shortest digits that read back as the same number: "1.048576e+07".
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::abs(value),
                                 std::chars_format::scientific);
  const std::string text(buffer.data(), end.ptr);
  const size_t e = text.find('e');
  const int exponent = std::stoi(text.substr(e + 1));
  std::string digits = text.substr(0, e);
  std::erase(digits, '.');
  const std::string sign = value < 0 ? "-" : "";
  const auto fraction = [&](size_t from) {
    return digits.size() > from ? digits.substr(from) : std::string("0");
  };
  if (exponent < -3 || exponent >= 7)
    return fmt::format("{}{}.{}E{}", sign, digits[0], fraction(1), exponent);
  if (exponent < 0)
    return fmt::format("{}0.{}{}", sign, std::string(static_cast<size_t>(-exponent - 1), '0'),
                       digits);
  const auto whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() < whole) digits.append(whole - digits.size(), '0');
  return fmt::format("{}{}.{}", sign, digits.substr(0, whole), fraction(whole));
}

std::vector<size_t> java_hash_order(const std::vector<int32_t>& hashes, size_t buckets) {
  while (hashes.size() * 4 > buckets * 3) buckets *= 2;
  std::vector<std::pair<size_t, size_t>> placed;  // bucket, index
  for (size_t i = 0; i < hashes.size(); ++i) {
    const auto hash = static_cast<uint32_t>(hashes[i]);
    placed.emplace_back((hash ^ (hash >> 16)) & (buckets - 1), i);
  }
  std::ranges::sort(placed);
  std::vector<size_t> order;
  for (const auto& [bucket, index] : placed) order.push_back(index);
  return order;
}

int32_t java_partition_hash(const TopicPartition& partition) {
  const auto number = static_cast<uint32_t>(partition.partition.value);
  return static_cast<int32_t>(31 * (31 + number) +
                              static_cast<uint32_t>(java_hash(partition.topic)));
}

}  // namespace semel::cli
