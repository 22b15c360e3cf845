#include "cli/sha2.h"

#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "cli/scram_credential.h"

namespace semel::cli {
namespace {

std::string hex(const Digest& bytes) {
  std::string text;
  for (const uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

/// FIPS 180-4's examples, and lengths around the padding's edges (checked with sha512sum).
TEST(Sha2, KnownDigests) {
  EXPECT_EQ(hex(sha2(Sha2Kind::k256, octets("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha2(Sha2Kind::k256, {})),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(sha2(Sha2Kind::k512, octets("abc"))),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
  struct Edge {
    size_t size;
    const char* sha256;
    const char* sha512;
  };
  const Edge edges[] = {
      {55, "d5e285683cd4efc0", "db9981645857e598"},  {56, "04c26261370ee754", "a9436ec7761f9f0d"},
      {63, "75220b47218278e6", "a6662db83dd0037d"},  {64, "7ce100971f64e700", "791c91ff44685987"},
      {111, "5ba60613dba318e9", "9a2a120825c23198"}, {112, "87bf6e70ecc829aa", "a3722b515ef40c91"},
      {119, "000b48d4edf0fa7b", "c5df60b24c746cda"}, {120, "13f05a0b594787f5", "13cdfbc65ba3c855"},
      {127, "70156a14adbabf98", "1d5a8893e7b7ed83"}, {128, "24da1b81d0b16df6", "e2e22f8422b54b06"},
      {240, "718df6704d8a0610", "3e05caa7e0fddab6"}};
  for (const Edge& edge : edges) {
    const std::string text(edge.size, 'x');
    EXPECT_EQ(hex(sha2(Sha2Kind::k256, octets(text))).substr(0, 16), edge.sha256) << edge.size;
    EXPECT_EQ(hex(sha2(Sha2Kind::k512, octets(text))).substr(0, 16), edge.sha512) << edge.size;
  }
}

/// RFC 4231, test cases 2 and 6.
TEST(Sha2, Hmac) {
  EXPECT_EQ(hex(hmac(Sha2Kind::k256, octets("Jefe"), octets("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  const std::string key(131, '\xaa');
  EXPECT_EQ(hex(hmac(Sha2Kind::k256, octets(key),
                     octets("Test Using Larger Than Block-Size Key - Hash Key First"))),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

/// RFC 7677's example.
TEST(Scram, KeysOfRfc7677) {
  const auto salt = from_base64("W22ZaJ0SNY7soEsUEjb6gQ==");
  ASSERT_TRUE(salt);
  const ScramMechanism* mechanism = find_scram("SCRAM-SHA-256");
  ASSERT_NE(mechanism, nullptr);
  const Digest salted = pbkdf2(mechanism->hash, octets("pencil"), *salt, 4096);
  EXPECT_EQ(hex(scram_stored_key(*mechanism, salted)),
            "586e5df283e6dceb5c3e791d8b8528ec191e664045ce971792e2e6b5bb13e2a6");
  EXPECT_EQ(hex(scram_server_key(*mechanism, salted)),
            "c1f3cbc1c13a9d35a14c0990eed97629ea225863e566a4314ab99f3f00e5d9d5");
  EXPECT_EQ(find_scram("SCRAM-SHA-1"), nullptr);
}

TEST(Scram, Base64) {
  EXPECT_EQ(from_base64(""), Digest{});
  EXPECT_EQ(from_base64("YQ=="), Digest{'a'});
  EXPECT_EQ(from_base64("YWI="), (Digest{'a', 'b'}));
  EXPECT_EQ(from_base64("YWJj"), (Digest{'a', 'b', 'c'}));
  for (const char* wrong : {"Y", "YQ=", "YQ", "Y?==", "===="})
    EXPECT_EQ(from_base64(wrong), std::nullopt) << wrong;
}

}  // namespace
}  // namespace semel::cli
