#include "log/producer_snapshot.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace semel::log {
namespace {

std::vector<std::byte> from_hex(std::string_view hex) {
  std::vector<std::byte> bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  return bytes;
}

std::vector<std::byte> encoded(std::span<const ProducerSnapshotEntry> entries) {
  const bytes::Buffer file = encode_producer_snapshot(entries);
  return {file.span().begin(), file.span().end()};
}

TEST(ProducerSnapshot, VectorsOfTheFormat) {
  constexpr int64_t kTime = 0x18bcfe56800;
  EXPECT_EQ(encoded({}), from_hex("000148674bc700000000"));
  const ProducerSnapshotEntry one{
      ProducerId{1000}, ProducerEpoch{0}, Sequence{0}, Offset{42}, 0, kTime, -1, Offset{-1}};
  EXPECT_EQ(
      encoded({{one}}),
      from_hex("000179d1182d0000000100000000000003e8000000000000000000000000002a000000000000018b"
               "cfe56800ffffffffffffffffffffffff"));
  const ProducerSnapshotEntry two[] = {
      {ProducerId{1000}, ProducerEpoch{3}, Sequence{-1}, Offset{-1}, 0, kTime, 7, Offset{-1}},
      {ProducerId{1001}, ProducerEpoch{0}, Sequence{9}, Offset{119}, 4, kTime, -1, Offset{110}}};
  EXPECT_EQ(
      encoded(two),
      from_hex("0001695a741c0000000200000000000003e80003ffffffffffffffffffffffff00000000000001"
               "8bcfe5680000000007ffffffffffffffff00000000000003e9000000000009000000000000007700"
               "0000040000018bcfe56800ffffffff000000000000006e"));
}

TEST(ProducerSnapshot, EveryFileOfKafkaComesBackBitForBit) {
  int files = 0;
  size_t entries = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(SEMEL_GOLDEN_DIR)) {
    if (entry.path().extension() != ".snapshot") continue;
    if (entry.path().string().contains("/dump-extra/")) continue;  // damaged on purpose
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const auto decoded = decode_producer_snapshot(bytes::as_bytes(text));
    ASSERT_TRUE(decoded) << entry.path() << ": " << decoded.error().context;
    EXPECT_EQ(encode_producer_snapshot(*decoded).text(), text) << entry.path();
    ++files;
    entries += decoded->size();
  }
  EXPECT_GT(files, 100);
  EXPECT_GT(entries, 50u);
}

TEST(ProducerSnapshot, DamageIsRefused) {
  const ProducerSnapshotEntry entry{
      ProducerId{1000}, ProducerEpoch{0}, Sequence{0}, Offset{42}, 0, 1, -1, Offset{-1}};
  const std::vector<std::byte> good = encoded({{entry}});
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(decode_producer_snapshot(std::span(good).first(size))) << size;
  for (size_t at = 0; at < good.size(); ++at) {
    std::vector<std::byte> bad = good;
    bad[at] ^= std::byte{0x40};
    EXPECT_FALSE(decode_producer_snapshot(bad)) << at;
  }
  std::vector<std::byte> longer = good;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(decode_producer_snapshot(longer));
}

TEST(ProducerSnapshot, ImpossibleEntriesAreRefused) {
  ProducerSnapshotEntry entry{ProducerId{1}, ProducerEpoch{0}, Sequence{3}, Offset{42}, 50, 1, -1,
                              Offset{-1}};
  EXPECT_FALSE(decode_producer_snapshot(encoded({{entry}})));
  entry.offset_delta = -1;
  EXPECT_FALSE(decode_producer_snapshot(encoded({{entry}})));
  entry.offset_delta = 0;
  entry.last_sequence = Sequence{-2};
  EXPECT_FALSE(decode_producer_snapshot(encoded({{entry}})));
}

}  // namespace
}  // namespace semel::log
