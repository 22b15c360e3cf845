#include "cli/argparse.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace semel::cli {
namespace {

using Kind = ArgparseOption::Kind;

constexpr size_t kWidth = 75;

std::unexpected<Error> refuse(std::string text) {
  return fail(ErrorCode::kInvalidRequest, std::move(text));
}

template <class T>
bool parses_as(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && error == std::errc{} && end == text.data() + text.size();
}

Result<void> check_value(const ArgparseOption& option, const std::string& value) {
  const auto refuse_type = [&](std::string_view type) {
    return refuse(
        fmt::format("argument {}: could not convert '{}' to {} (For input string: \"{}\")",
                    option.flag, value, type, value));
  };
  if (option.kind == Kind::kInteger && !parses_as<int32_t>(value)) return refuse_type("Integer");
  if (option.kind == Kind::kLong && !parses_as<int64_t>(value)) return refuse_type("Long");
  if (option.kind == Kind::kDouble && !parses_as<double>(value)) return refuse_type("Double");
  if (option.choices.empty()) return {};
  for (std::string_view rest = option.choices; !rest.empty();) {
    const std::string_view choice = rest.substr(0, rest.find(','));
    if (choice == value) return {};
    rest.remove_prefix(std::min(rest.size(), choice.size() + 1));
  }
  return refuse(fmt::format("argument {}: invalid choice: '{}' (choose from {{{}}})", option.flag,
                            value, option.choices));
}

/// A word that cannot be a value: "-x" but not "-1".
bool is_flag(std::string_view word) {
  return word.size() > 1 && word[0] == '-' && (word[1] < '0' || word[1] > '9');
}

/// How much of `word` may stand at the end of a line with `room` columns left: up to a hyphen
/// before a letter, as Java breaks lines.
size_t breakable(std::string_view word, size_t room) {
  size_t best = 0;
  for (size_t i = 1; i < word.size() && i <= room; ++i) {
    const char next = word[i];
    const bool is_letter = (next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z');
    if (word[i - 1] == '-' && is_letter) best = i;
  }
  return best;
}

/// One line filled to the width; what does not divide evenly goes to the gaps in the middle.
std::string justify(const std::vector<std::string_view>& words) {
  size_t letters = 0;
  for (const std::string_view word : words) letters += word.size();
  const size_t gaps = words.size() - 1;
  if (gaps == 0) return std::string(words.front());
  const size_t blanks = kWidth - letters;
  const size_t extra = blanks % gaps;
  const size_t first = (gaps - extra + 1) / 2;
  std::string line(words.front());
  for (size_t i = 0; i < gaps; ++i) {
    const bool is_wider = i >= first && i < first + extra;
    line += std::string(blanks / gaps + (is_wider ? 1 : 0), ' ') + std::string(words[i + 1]);
  }
  return line;
}

}  // namespace

std::string argparse_error(std::string_view program, std::string_view text) {
  const std::string whole = fmt::format("{}: error: {}", program, text);
  std::string result;
  std::vector<std::string_view> line;
  size_t size = 0;
  for (std::string_view rest = whole; !rest.empty();) {
    std::string_view word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    if (!line.empty() && size + 1 + word.size() >= kWidth) {
      const size_t part = size + 2 < kWidth ? breakable(word, kWidth - size - 2) : 0;
      if (part > 0) line.push_back(word.substr(0, part));
      word.remove_prefix(part);
      result += justify(line) + "\n";
      line.clear();
      size = 0;
    }
    size += word.size() + (line.empty() ? 0 : 1);
    line.push_back(word);
  }
  for (size_t i = 0; i < line.size(); ++i)
    result += std::string(i > 0 ? " " : "") + std::string(line[i]);
  return result + "\n";
}

Result<ArgparseArguments> ArgparseArguments::parse(std::span<const ArgparseOption> known,
                                                   std::span<const std::string> words) {
  ArgparseArguments parsed;
  for (size_t i = 0; i < words.size(); ++i) {
    const size_t equals = words[i].find('=');
    const bool has_attached = words[i].starts_with("--") && equals != std::string::npos;
    const std::string name = has_attached ? words[i].substr(0, equals) : words[i];
    const auto* option = std::find_if(known.data(), known.data() + known.size(),
                                      [&](const ArgparseOption& o) { return o.flag == name; });
    if (option == known.data() + known.size())
      return refuse(fmt::format("unrecognized arguments: '{}'", words[i]));
    for (const ArgparseOption& other : known)
      if (&other != option && !option->group.empty() && other.group == option->group &&
          parsed.has(other.flag))
        return refuse(
            fmt::format("argument {}: not allowed with argument {}", option->flag, other.flag));
    auto& values = parsed.values_[std::string(option->flag)];
    if (option->kind == Kind::kFlag) continue;
    if (has_attached) {
      values.push_back(words[i].substr(equals + 1));
    } else if (i + 1 < words.size() && !is_flag(words[i + 1])) {
      values.push_back(words[++i]);
    } else {
      return refuse(fmt::format("argument {}: expected {} argument", option->flag,
                                option->kind == Kind::kMany ? "at least one" : "one"));
    }
    SEMEL_CHECK(check_value(*option, values.back()));
    while (option->kind == Kind::kMany && i + 1 < words.size() && !is_flag(words[i + 1]))
      values.push_back(words[++i]);
  }
  for (const ArgparseOption& option : known)
    if (option.is_required && !parsed.has(option.flag))
      return refuse(fmt::format("argument {} is required", option.flag));
  for (const ArgparseOption& option : known) {
    if (!option.group_is_required) continue;
    std::string flags;
    bool is_there = false;
    for (const ArgparseOption& other : known) {
      if (other.group != option.group) continue;
      flags += fmt::format(" {}", other.flag);
      is_there = is_there || parsed.has(other.flag);
    }
    if (!is_there) return refuse(fmt::format("one of the arguments{} is required", flags));
  }
  return parsed;
}

const std::vector<std::string>& ArgparseArguments::values(std::string_view flag) const {
  static const std::vector<std::string> kNone;
  const auto at = values_.find(std::string(flag));
  return at == values_.end() ? kNone : at->second;
}

std::string ArgparseArguments::text(std::string_view flag) const {
  const auto& all = values(flag);
  return all.empty() ? std::string() : all.back();
}

int64_t ArgparseArguments::number(std::string_view flag, int64_t otherwise) const {
  const std::string value = text(flag);
  std::from_chars(value.data(), value.data() + value.size(), otherwise);
  return otherwise;
}

double ArgparseArguments::real(std::string_view flag, double otherwise) const {
  const std::string value = text(flag);
  std::from_chars(value.data(), value.data() + value.size(), otherwise);
  return otherwise;
}

}  // namespace semel::cli
