// Command lines of Kafka's tools: long options as joptsimple reads them (no abbreviations), with
// its error texts. `--name value`, `--name=value`, `-name value`; `--` ends the options.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace semel::cli {

/// One option that a tool knows.
struct KafkaOption {
  std::string_view name;
  bool takes_value = false;
  bool is_integer = false;         // the value must be a 32-bit integer
  bool is_value_optional = false;  // without a value it counts as ""
};

/// What a command line said.
class KafkaArguments {
 public:
  /// Error: kInvalidRequest, the context is joptsimple's message ("x is not a recognized option").
  static Result<KafkaArguments> parse(std::span<const KafkaOption> known,
                                      std::span<const std::string> arguments);

  bool has(std::string_view name) const { return values_.contains(std::string(name)); }
  /// Every value of the option, in order.
  const std::vector<std::string>& values(std::string_view name) const;
  /// The only value; nothing if the option is absent. Error: given more than once.
  Result<std::optional<std::string>> value(std::string_view name) const;
  /// The last value of the option; "" if there is none.
  std::string last(std::string_view name) const {
    const auto& all = values(name);
    return all.empty() ? std::string() : all.back();
  }
  /// Words that belong to no option.
  const std::vector<std::string>& rest() const { return rest_; }

 private:
  std::map<std::string, std::vector<std::string>> values_;
  std::vector<std::string> rest_;
};

}  // namespace semel::cli
