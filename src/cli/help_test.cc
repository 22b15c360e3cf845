#include "cli/help.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace semel::cli {
namespace {

struct Parsed {
  std::optional<int> code;
  std::string err;
};

Parsed parse(CLI::Validator check, const std::string& word) {
  CapturedOutput output;
  CLI::App app("About.", "semel word");
  std::string value;
  app.add_option("--amount", value, "how much")->check(std::move(check));
  const std::vector<std::string> arguments = {"--amount", word};
  const auto code = parse_command_line(app, arguments, output);
  return {code, output.stderr_text};
}

TEST(WholeNumber, TakesThoseFromItsLeastOn) {
  for (const char* good : {"1", "2", "9223372036854775807"})
    EXPECT_FALSE(parse(whole_number(1), good).code) << good;
  for (const char* bad : {"0", "-1", "1.5", "1e3", "x", "", "9223372036854775808", " 1", "1 "}) {
    const Parsed parsed = parse(whole_number(1), bad);
    EXPECT_EQ(parsed.code, kUsage) << bad;
    EXPECT_EQ(parsed.err, "semel word: --amount: \"" + std::string(bad) +
                              "\" is no whole number from 1 on; see semel word --help\n");
  }
}

TEST(WholeNumber, NamesItsGreatest) {
  EXPECT_FALSE(parse(whole_number(1, 9), "9").code);
  EXPECT_THAT(parse(whole_number(1, 9), "10").err,
              testing::HasSubstr("\"10\" is no whole number from 1 to 9;"));
}

TEST(PositiveNumber, TakesFiniteOnes) {
  for (const char* good : {"0.5", "1", "1e3"})
    EXPECT_FALSE(parse(positive_number(Zero::kRefused), good).code) << good;
  EXPECT_FALSE(parse(positive_number(Zero::kAllowed), "0").code);
  for (const char* bad : {"0", "-1", "inf", "nan", "1e999", "x", ""}) {
    const Parsed parsed = parse(positive_number(Zero::kRefused), bad);
    EXPECT_EQ(parsed.code, kUsage) << bad;
    EXPECT_THAT(parsed.err, testing::HasSubstr("is no number above 0;")) << bad;
  }
}

}  // namespace
}  // namespace semel::cli
