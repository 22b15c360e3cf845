// Command lines of those tools of Kafka that read them with argparse4j: its error texts, justified
// as it justifies them.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace semel::cli {

struct ArgparseOption {
  enum class Kind : uint8_t { kText, kInteger, kLong, kDouble, kFlag, kMany };
  std::string_view flag;  // "--topic"
  Kind kind = Kind::kText;
  bool is_required = false;
  std::string_view group;  // of options that exclude each other; "" = none
  bool group_is_required = false;
  std::string_view choices;  // "0,1,-1"; "" = any
};

class ArgparseArguments {
 public:
  /// Error: kInvalidRequest with argparse4j's sentence, without the program's name.
  static Result<ArgparseArguments> parse(std::span<const ArgparseOption> known,
                                         std::span<const std::string> words);

  bool has(std::string_view flag) const { return values_.contains(std::string(flag)); }
  /// The last value; "" if there is none.
  std::string text(std::string_view flag) const;
  const std::vector<std::string>& values(std::string_view flag) const;
  int64_t number(std::string_view flag, int64_t otherwise) const;
  double real(std::string_view flag, double otherwise) const;

 private:
  std::map<std::string, std::vector<std::string>> values_;
};

/// "PROGRAM: error: TEXT" broken at 75 columns, every line but the last filled with blanks.
std::string argparse_error(std::string_view program, std::string_view text);

}  // namespace semel::cli
