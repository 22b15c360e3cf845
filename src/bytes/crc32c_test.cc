#include "bytes/crc32c.h"

#include <array>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace semel::bytes {
namespace {

uint32_t plain_crc(ByteSpan bytes, uint32_t polynomial) {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? polynomial : 0);
    table[i] = value;
  }
  uint32_t crc = 0xffffffff;
  for (const std::byte b : bytes) crc = (crc >> 8) ^ table[(crc ^ static_cast<uint32_t>(b)) & 0xff];
  return ~crc;
}

std::vector<std::byte> random_bytes(std::mt19937_64& random, size_t size) {
  std::vector<std::byte> bytes(size);
  for (auto& b : bytes) b = static_cast<std::byte>(random());
  return bytes;
}

TEST(Crc32c, PublishedVectors) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xE3069283u);
  EXPECT_EQ(crc32c({}), 0u);
  EXPECT_EQ(crc32c(std::vector<std::byte>(32)), 0x8A9136AAu);
  EXPECT_EQ(crc32c(std::vector<std::byte>(32, std::byte{0xff})), 0x62A8AB43u);
  EXPECT_EQ(crc32(as_bytes("123456789")), 0xCBF43926u);
  EXPECT_EQ(crc32({}), 0u);
}

TEST(Crc32c, AgreesWithAPlainTableAtEveryAlignmentAndLength) {
  std::mt19937_64 random(1);
  const auto bytes = random_bytes(random, 5000);
  for (size_t length = 0; length < 300; ++length) {
    const ByteSpan part = ByteSpan(bytes).subspan(length % 17, length);
    ASSERT_EQ(crc32c(part), plain_crc(part, 0x82f63b78)) << length;
    ASSERT_EQ(crc32(part), plain_crc(part, 0xedb88320)) << length;
  }
  EXPECT_EQ(crc32c(bytes), plain_crc(bytes, 0x82f63b78));
  EXPECT_EQ(crc32(bytes), plain_crc(bytes, 0xedb88320));
}

TEST(Crc32c, PiecesChainAndCombine) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 200; ++round) {
    const auto bytes = random_bytes(random, random() % 3000);
    const size_t cut = bytes.empty() ? 0 : random() % bytes.size();
    const ByteSpan a = ByteSpan(bytes).first(cut);
    const ByteSpan b = ByteSpan(bytes).subspan(cut);
    EXPECT_EQ(crc32c(b, crc32c(a)), crc32c(bytes));
    EXPECT_EQ(crc32c_combine(crc32c(a), crc32c(b), b.size()), crc32c(bytes));
    EXPECT_EQ(crc32(b, crc32(a)), crc32(bytes));
  }
}

TEST(Crc32c, PatchEqualsAFreshComputation) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 200; ++round) {
    auto bytes = random_bytes(random, 40 + random() % 70000);
    const uint32_t before = crc32c(bytes);
    const size_t from = random() % (bytes.size() - 22);
    std::vector<std::byte> difference(22);
    for (size_t i = 0; i < difference.size(); ++i) {
      difference[i] = static_cast<std::byte>(random());
      bytes[from + i] ^= difference[i];
    }
    EXPECT_EQ(crc32c_patch(before, difference, bytes.size() - from - 22), crc32c(bytes));
  }
}

}  // namespace
}  // namespace semel::bytes
