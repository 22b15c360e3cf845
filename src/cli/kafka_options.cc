#include "cli/kafka_options.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace semel::cli {
namespace {

const KafkaOption* find(std::span<const KafkaOption> known, std::string_view name) {
  const auto at = std::find_if(known.begin(), known.end(),
                               [&](const KafkaOption& option) { return option.name == name; });
  return at == known.end() ? nullptr : &*at;
}

bool is_integer(std::string_view text) {
  int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

bool looks_like_option(std::string_view word) { return word.size() > 1 && word.front() == '-'; }

struct Word {
  std::string_view name;
  std::optional<std::string_view> attached;  // after '='
};

Word split_word(std::string_view word) {
  word.remove_prefix(word.starts_with("--") ? 2 : 1);
  const size_t equals = word.find('=');
  if (equals == std::string_view::npos) return {word, std::nullopt};
  return {word.substr(0, equals), word.substr(equals + 1)};
}

}  // namespace

Result<KafkaArguments> KafkaArguments::parse(std::span<const KafkaOption> known,
                                             std::span<const std::string> arguments) {
  KafkaArguments parsed;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (word == "--") {
      parsed.rest_.insert(parsed.rest_.end(), arguments.begin() + static_cast<ptrdiff_t>(i) + 1,
                          arguments.end());
      break;
    }
    if (!looks_like_option(word)) {
      parsed.rest_.push_back(word);
      continue;
    }
    const auto [name, attached] = split_word(word);
    const KafkaOption* option = find(known, name);
    if (option == nullptr)
      return fail(ErrorCode::kInvalidRequest, fmt::format("{} is not a recognized option", name));
    auto& values = parsed.values_[std::string(name)];
    if (!option->takes_value) continue;
    std::string value(attached.value_or(""));
    if (!attached) {
      const bool is_there = i + 1 < arguments.size() &&
                            (!looks_like_option(arguments[i + 1]) || is_integer(arguments[i + 1]));
      if (!is_there && option->is_value_optional) {
        values.emplace_back();
        continue;
      }
      if (!is_there)
        return fail(ErrorCode::kInvalidRequest,
                    fmt::format("Option {} requires an argument", name));
      value = arguments[++i];
    }
    if (option->is_integer && !is_integer(value))
      return fail(ErrorCode::kInvalidRequest,
                  fmt::format("Cannot parse argument '{}' of option {}", value, name));
    values.push_back(std::move(value));
  }
  return parsed;
}

const std::vector<std::string>& KafkaArguments::values(std::string_view name) const {
  static const std::vector<std::string> kNone;
  const auto at = values_.find(std::string(name));
  return at == values_.end() ? kNone : at->second;
}

Result<std::optional<std::string>> KafkaArguments::value(std::string_view name) const {
  const auto& all = values(name);
  if (all.empty()) return std::nullopt;
  if (all.size() > 1)
    return fail(
        ErrorCode::kInvalidRequest,
        fmt::format("Found multiple arguments for option {}, but you asked for only one", name));
  return all.front();
}

}  // namespace semel::cli
