#include "bytes/reader.h"

#include <limits>

#include <gtest/gtest.h>

#include "bytes/writer.h"

namespace semel::bytes {
namespace {

std::string hex(ByteSpan bytes) {
  std::string text;
  for (std::byte b : bytes) {
    text += "0123456789abcdef"[static_cast<int>(b) >> 4];
    text += "0123456789abcdef"[static_cast<int>(b) & 15];
  }
  return text;
}

TEST(Varint, EqualsTheVectorsOfTheFormat) {
  const std::pair<uint32_t, const char*> unsigned_cases[] = {{0, "00"},
                                                             {127, "7f"},
                                                             {128, "8001"},
                                                             {300, "ac02"},
                                                             {16384, "808001"},
                                                             {2147483647u, "ffffffff07"},
                                                             {0xffffffffu, "ffffffff0f"}};
  for (const auto& [value, text] : unsigned_cases) {
    Writer w;
    w.put_uvarint(value);
    EXPECT_EQ(hex(w.written()), text);
    EXPECT_EQ(uvarint_size(value), w.size());
    Reader r(w.written());
    EXPECT_EQ(r.read_uvarint(), value);
    EXPECT_TRUE(r.ok());
  }
  const std::pair<int64_t, const char*> long_cases[] = {
      {1ll << 31, "8080808010"},
      {1700000000000ll, "80a0abfef962"},
      {std::numeric_limits<int64_t>::max(), "feffffffffffffffff01"},
      {std::numeric_limits<int64_t>::min(), "ffffffffffffffffff01"}};
  for (const auto& [value, text] : long_cases) {
    Writer w;
    w.put_varlong(value);
    EXPECT_EQ(hex(w.written()), text);
    Reader r(w.written());
    EXPECT_EQ(r.read_varlong(), value);
  }
  for (int32_t value :
       {0, -1, 1, -2, 63, -64, 64, -65, 8191, std::numeric_limits<int32_t>::min()}) {
    Writer w;
    w.put_varint(value);
    Reader r(w.written());
    EXPECT_EQ(r.read_varint(), value);
  }
}

TEST(Reader, FailsOnceAndStaysFailed) {
  const std::byte bytes[3] = {std::byte{1}, std::byte{2}, std::byte{3}};
  Reader r{ByteSpan(bytes)};
  EXPECT_EQ(r.read_i16(), 0x0102);
  EXPECT_EQ(r.read_i32(), 0);
  EXPECT_FALSE(r.ok());
  EXPECT_EQ(r.remaining(), 0u);
  EXPECT_STREQ(r.failure(), "the bytes end early");
  const std::byte endless[6] = {std::byte{0x80}, std::byte{0x80}, std::byte{0x80},
                                std::byte{0x80}, std::byte{0x80}, std::byte{0}};
  Reader v{ByteSpan(endless)};
  v.read_uvarint();
  EXPECT_FALSE(v.ok());
}

TEST(Buffer, SlicesShareAndOutliveTheOriginal) {
  Buffer part;
  {
    Buffer whole = Buffer::copy_of("hello semel");
    EXPECT_TRUE(whole.is_sole_owner());
    part = whole.slice(6, 5);
    EXPECT_FALSE(whole.is_sole_owner());
  }
  EXPECT_EQ(part.text(), "semel");
  EXPECT_TRUE(part.is_sole_owner());
}

}  // namespace
}  // namespace semel::bytes
