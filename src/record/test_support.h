// What the tests of this folder share: hex, golden files, batches built by hand.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "bytes/buffer.h"

namespace semel::record::testing {

inline std::vector<std::byte> from_hex(std::string_view hex) {
  std::vector<std::byte> bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(
        static_cast<std::byte>(std::strtoul(std::string(hex.substr(i, 2)).c_str(), nullptr, 16)));
  return bytes;
}

inline std::string hex_of(bytes::ByteSpan span) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const std::byte b : span) {
    hex.push_back(kDigits[static_cast<size_t>(b) >> 4]);
    hex.push_back(kDigits[static_cast<size_t>(b) & 15]);
  }
  return hex;
}

inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::vector<std::byte> read_file(const std::filesystem::path& path) {
  const std::string text = read_text(path);
  const auto span = bytes::as_bytes(text);
  return {span.begin(), span.end()};
}

#ifdef SEMEL_GOLDEN_DIR
inline std::filesystem::path golden(std::string_view path) {
  return std::filesystem::path(SEMEL_GOLDEN_DIR) / path;
}

/// Every segment of `folder` below the golden folder, in order of name.
inline std::vector<std::filesystem::path> golden_segments(std::string_view folder) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(golden(folder)))
    if (entry.path().extension() == ".log") found.push_back(entry.path());
  std::ranges::sort(found);
  return found;
}
#endif

// B1, B2 … of docs/formats/record-batch.md.
inline constexpr std::string_view kB1 =
    "00000000000000000000003affffffff025fc9226a0000000000000000018bcfe568000000018bcfe5680000000000"
    "00"
    "0003e80000000000000000000110000000026b027600";
inline constexpr std::string_view kB1Stamped =
    "000000000000002a0000003a00000005025fc9226a0000000000000000018bcfe568000000018bcfe5680000000000"
    "00"
    "0003e80000000000000000000110000000026b027600";
inline constexpr std::string_view kB1LogAppendTime =
    "000000000000002a0000003a00000005029f1a804c0008000000000000018bcfe568000000018bcfe5680500000000"
    "00"
    "0003e80000000000000000000110000000026b027600";
inline constexpr std::string_view kR2 =
    "16000000010a68656c6c6f0020000502026b0104046831027804683201";
inline constexpr std::string_view kB2 =
    "00000000000000000000004effffffff02c724bed10000000000010000018bcfe568000000018bcfe56800ffffffff"
    "ff"
    "ffffffffffffffffff0000000216000000010a68656c6c6f0020000502026b0104046831027804683201";
inline constexpr std::string_view kB3 =
    "0000000000000064000000420000000502ad320ccb0030000000000000018bcfe568000000018bcfe5680000000000"
    "00"
    "0003e80003ffffffff000000012000000008000000010c00000000000700";
inline constexpr std::string_view kB4 =
    "000000000000002a000000310000000502c7744d8c000000000004ffffffffffffffff0000018bcfe5680000000000"
    "00"
    "0003e800000000000000000000";
inline constexpr int64_t kTs = 1700000000000;

}  // namespace semel::record::testing
