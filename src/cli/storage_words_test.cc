#include <gtest/gtest.h>

#include "cli/dump_java.h"
#include "cli/storage_features.h"
#include "cli/storage_scram.h"
#include "rt/linux/linux_runtime.h"

namespace semel::cli {
namespace {

class AddScram : public testing::Test {
 protected:
  std::unique_ptr<rt::LinuxRuntime> os =
      std::move(*rt::LinuxRuntime::create({.reactors = 1, .io_threads = 1}));
  rt::Random& random = *os->runtime().random;

  std::string refusal(std::string_view text) {
    const auto record = parse_scram_record(text, random);
    return record ? "accepted" : record.error().context;
  }
};

/// What kafka-storage.sh 4.3.1 wrote for the same words.
TEST_F(AddScram, RecordsAreKafkas) {
  const auto alice =
      parse_scram_record(R"(SCRAM-SHA-256=[name=alice,password=alice-secret,)"
                         R"(salt="MWx2NHBkbnc0ZndxN25vdGN4bTB5eTFrN3E=",iterations=8192])",
                         random);
  ASSERT_TRUE(alice) << alice.error().context;
  EXPECT_EQ(scram_record_text(*alice),
            "UserScramCredentialRecord(name='alice', mechanism=1, salt=[49, 108, 118, 52, 112, "
            "100, 110, 119, 52, 102, 119, 113, 55, 110, 111, 116, 99, 120, 109, 48, 121, 121, 49, "
            "107, 55, 113], storedKey=[1, 48, -115, -101, 64, 93, -53, 14, 35, 47, 33, -100, 54, "
            "84, 26, -44, 19, 84, 82, -107, 59, -32, -48, -121, -37, -115, 100, 49, 105, -53, -4, "
            "72], serverKey=[105, 14, -81, 33, 82, -83, 54, 31, -114, 51, -42, -124, -18, -124, "
            "-94, -128, 23, 52, 35, -81, 123, 53, 48, 65, 69, -62, 118, 27, -13, -117, -80, -87], "
            "iterations=8192)");
  const auto bob =
      parse_scram_record(R"(SCRAM-SHA-512=[name=bob,salt="MWx2NHBkbnc0ZndxN25vdGN4bTB5eTFrN3E=",)"
                         R"(saltedpassword="mT0yyUUxnlJaC99HXgRTSYlbuqa4FSGtJCJfTMvjYCE="])",
                         random);
  ASSERT_TRUE(bob) << bob.error().context;
  EXPECT_EQ(scram_record_text(*bob),
            "UserScramCredentialRecord(name='bob', mechanism=2, salt=[49, 108, 118, 52, 112, 100, "
            "110, 119, 52, 102, 119, 113, 55, 110, 111, 116, 99, 120, 109, 48, 121, 121, 49, 107, "
            "55, 113], storedKey=[57, 50, 90, 35, 76, 107, 85, 80, 43, -61, 99, 13, 51, 126, 94, "
            "24, -43, 111, -93, -74, 78, 109, -9, 102, 7, -88, -10, -27, 51, -24, -109, 47, -9, "
            "78, -68, -127, -87, 92, -125, 59, -20, 112, 103, -42, -78, -89, 102, -4, -66, 80, 50, "
            "78, -24, 119, -52, -127, -94, 38, -107, -58, -28, -7, 77, 5], serverKey=[72, 1, 109, "
            "106, -14, -13, 123, -30, 65, 72, -56, 85, -103, 92, 80, 58, -31, -7, -103, 25, 29, "
            "-78, -79, 56, 10, 59, 72, -105, -14, -64, -5, -97, 105, -62, -124, -126, -31, -7, 9, "
            "-57, -55, -2, 38, 113, 126, 44, -89, -99, 61, -107, -109, 106, 45, -101, -66, 64, "
            "-88, 114, -47, 109, -97, -36, -39, -57], iterations=4096)");
}

TEST_F(AddScram, SaltIsDrawn) {
  const auto one = parse_scram_record("SCRAM-SHA-256=[name=a,password=x]", random);
  const auto two = parse_scram_record("SCRAM-SHA-256=[name=a,password=x]", random);
  ASSERT_TRUE(one && two);
  EXPECT_EQ(one->iterations, 4096);
  EXPECT_NE(scram_record_text(*one), scram_record_text(*two));
}

TEST_F(AddScram, RefusesInKafkasWords) {
  EXPECT_EQ(refusal("nonsense"), "Failed to find equals sign in SCRAM argument 'nonsense'");
  EXPECT_EQ(refusal("SCRAM-SHA-1=[name=alice,password=x]"),
            "The add-scram mechanism SCRAM-SHA-1 is not supported.");
  EXPECT_EQ(refusal("SCRAM-SHA-256=[password=x]"), "You must supply 'name' to add-scram");
  for (const char* text : {"SCRAM-SHA-256=[name=alice]", "SCRAM-SHA-256=[name=alice,foo=x]"})
    EXPECT_EQ(refusal(text), "You must supply one of 'password' or 'saltedpassword' to add-scram");
  EXPECT_EQ(refusal("SCRAM-SHA-256=[name=alice,password=x,iterations=5]"),
            "The 'iterations' value must be >= 4096 for add-scram using SCRAM_SHA_256");
  EXPECT_EQ(refusal("SCRAM-SHA-256=[name=alice,password=x,iterations=20000]"),
            "The 'iterations' value must be <= 16384 for add-scram using SCRAM_SHA_256");
  EXPECT_EQ(refusal("SCRAM-SHA-256=[name=alice,saltedpassword=YQ==]"),
            "You must supply 'salt' with 'saltedpassword' to add-scram");
  for (const char* text : {"SCRAM-SHA-256=", "SCRAM-SHA-256=[", "SCRAM-SHA-256=[name",
                           "SCRAM-SHA-256=[name=a,password=x,salt=?]"})
    EXPECT_NE(refusal(text), "accepted") << text;
}

/// What kafka-storage.sh 4.3.1 printed.
TEST(VersionMapping, IsKafkas) {
  EXPECT_EQ(version_mapping(std::nullopt),
            "metadata.version=30 (4.3-IV0)\nkraft.version=1\ntransaction.version=2\n"
            "group.version=1\neligible.leader.replicas.version=1\nshare.version=1\n"
            "streams.version=1\n");
  EXPECT_EQ(version_mapping("4.1"),
            "metadata.version=27 (4.1)\nkraft.version=1\ntransaction.version=2\n"
            "group.version=1\neligible.leader.replicas.version=1\nshare.version=0\n"
            "streams.version=0\n");
  EXPECT_EQ(version_mapping("3.9-IV0"),
            "metadata.version=21 (3.9-IV0)\nkraft.version=1\ntransaction.version=0\n"
            "group.version=0\neligible.leader.replicas.version=0\nshare.version=0\n"
            "streams.version=0\n");
  const auto unknown = version_mapping("nonsense");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(
      unknown.error().context.substr(0, 85),
      "Unknown metadata.version 'nonsense'. Supported metadata.version are: 3.3-IV3, 3.4-IV0");
  EXPECT_TRUE(unknown.error().context.ends_with("4.2-IV1, 4.3-IV0, 4.4-IV0"));
}

TEST(FeatureDependencies, AreKafkas) {
  EXPECT_EQ(feature_dependencies(
                {"group.version=1", "eligible.leader.replicas.version=1", "metadata.version=31"}),
            "group.version=1 has no dependencies.\n"
            "eligible.leader.replicas.version=1 requires:\n    metadata.version=23 (4.0-IV1)\n"
            "metadata.version=31 (4.4-IV0) has no dependencies.\n");
  const std::pair<const char*, const char*> refusals[] = {
      {"nonsense=1", "Unknown feature: nonsense"},
      {"group.version=9", "Feature level 9 is not supported for feature group.version"},
      {"group.version=a", "Invalid version format: a for feature group.version"},
      {"metadata.version=4", "Unknown metadata.version 4"},
      {"group.version",
       "Invalid feature format: group.version. Expected format: 'feature=version' (e.g. "
       "'group.version=1')"}};
  for (const auto& [text, why] : refusals) {
    const auto told = feature_dependencies({text});
    ASSERT_FALSE(told) << text;
    EXPECT_EQ(told.error().context, why);
  }
}

TEST(JavaDouble, IsDoubleToString) {
  const std::pair<double, const char*> rows[] = {{0, "0.0"},
                                                 {-0.0, "-0.0"},
                                                 {50, "50.0"},
                                                 {12.5, "12.5"},
                                                 {2048.5, "2048.5"},
                                                 {9999999, "9999999.0"},
                                                 {1e7, "1.0E7"},
                                                 {10485760, "1.048576E7"},
                                                 {0.001, "0.001"},
                                                 {0.0001, "1.0E-4"},
                                                 {-1.5, "-1.5"},
                                                 {0.125, "0.125"},
                                                 {123456.75, "123456.75"}};
  for (const auto& [value, text] : rows) EXPECT_EQ(java_double(value), text);
}

TEST(JavaHashOrder, OfTablesMadeForTheirSize) {
  EXPECT_EQ(java_table_size(0), 1u);
  EXPECT_EQ(java_table_size(5), 8u);
  EXPECT_EQ(java_table_size(8), 8u);
  // c1, c2, c3, c5 in `new HashMap<>(5)`, as kafka-topics.sh --describe told them.
  const std::vector<int32_t> hashes{java_hash("c1"), java_hash("c2"), java_hash("c3"),
                                    java_hash("c5")};
  EXPECT_EQ(java_hash_order(hashes, 8), (std::vector<size_t>{2, 3, 0, 1}));
}

}  // namespace
}  // namespace semel::cli
