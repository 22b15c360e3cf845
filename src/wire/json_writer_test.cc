#include "wire/json_writer.h"

#include <limits>

#include <gtest/gtest.h>

namespace semel::wire {
namespace {

std::string text_of(std::string_view text) {
  std::string out;
  JsonWriter(out).put_text(text);
  return out;
}

TEST(JsonWriter, Nests) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.key("a");
  json.begin_array();
  json.put_int(-1);
  json.put_null();
  json.begin_object();
  json.end_object();
  json.end_array();
  json.key("b");
  json.put_bool(true);
  json.key("c");
  json.put_base64(bytes::as_bytes("abcd"));
  json.end_object();
  EXPECT_EQ(out, R"({"a":[-1,null,{}],"b":true,"c":"YWJjZA=="})");
}

TEST(JsonWriter, EscapesAsJacksonDoes) {
  EXPECT_EQ(text_of("a\"\\/\b\f\n\r\t"), R"("a\"\\/\b\f\n\r\t")");
  EXPECT_EQ(text_of(std::string_view("\x00\x1f\x7f", 3)), "\"\\u0000\\u001F\x7f\"");
  EXPECT_EQ(text_of("é中😀"), "\"é中😀\"");
}

TEST(JsonWriter, ReplacesWhatIsNoUtf8) {
  EXPECT_EQ(text_of("a\xff"
                    "b"),
            "\"a\xEF\xBF\xBD"
            "b\"");
  EXPECT_EQ(text_of("\xc3"), "\"\xEF\xBF\xBD\"");
  EXPECT_EQ(text_of("\xc0\xaf"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
  EXPECT_EQ(text_of("\xed\xa0\x80").substr(0, 4), "\"\xEF\xBF\xBD");
}

TEST(JavaDouble, PrintsAsJava) {
  const std::pair<double, const char*> cases[] = {
      {0.0, "0.0"},
      {-0.0, "-0.0"},
      {1.0, "1.0"},
      {1.5, "1.5"},
      {0.001, "0.001"},
      {100000.0, "100000.0"},
      {9999999.0, "9999999.0"},
      {1e7, "1.0E7"},
      {1.25e10, "1.25E10"},
      {0.0009, "9.0E-4"},
      {-1e-5, "-1.0E-5"},
      {1048576.0, "1048576.0"},
      {1e21, "1.0E21"},
      {std::numeric_limits<double>::infinity(), "Infinity"},
      {std::numeric_limits<double>::max(), "1.7976931348623157E308"}};
  for (const auto& [value, text] : cases) EXPECT_EQ(java_double(value), text);
}

TEST(Base64, PadsToFour) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}};
  for (const auto& [plain, encoded] : cases) EXPECT_EQ(base64(bytes::as_bytes(plain)), encoded);
  EXPECT_EQ(base64(bytes::as_bytes("\xff\xfe\xfb")), "//77");
}

}  // namespace
}  // namespace semel::wire
