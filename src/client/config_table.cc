#include "client/config_table.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "base/edit_distance.h"

namespace semel::client {
namespace {

/// librdkafka's name, Kafka's name, and what the value is multiplied with.
struct Alias {
  std::string_view name;
  std::string_view kafka;
  int64_t factor = 1;
};

constexpr Alias kAliases[] = {
    {"batch.num.messages", ""},
    {"compression.codec", "compression.type"},
    {"fetch.message.max.bytes", "max.partition.fetch.bytes"},
    {"fetch.wait.max.ms", "fetch.max.wait.ms"},
    {"max.in.flight", "max.in.flight.requests.per.connection"},
    {"message.max.bytes", "max.request.size"},
    {"message.send.max.retries", "retries"},
    {"message.timeout.ms", "delivery.timeout.ms"},
    {"metadata.broker.list", "bootstrap.servers"},
    {"queue.buffering.max.kbytes", "buffer.memory", 1024},
    {"queue.buffering.max.ms", "linger.ms"},
    {"request.required.acks", "acks"},
    {"socket.receive.buffer.bytes", "receive.buffer.bytes"},
    {"socket.send.buffer.bytes", "send.buffer.bytes"},
    {"socket.timeout.ms", "request.timeout.ms"},
    {"topic.metadata.refresh.interval.ms", "metadata.max.age.ms"},
};

std::string_view trim(std::string_view text) {
  const auto is_blank = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string in_upper_case(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return upper;
}

std::optional<int64_t> parse_number(std::string_view text, ConfigType type) {
  if (text.starts_with('+') && text.size() > 1 && text[1] != '-') text.remove_prefix(1);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  const bool is_int = type == ConfigType::kInt;
  if (is_int &&
      (value < std::numeric_limits<int32_t>::min() || value > std::numeric_limits<int32_t>::max()))
    return std::nullopt;
  return value;
}

int64_t to_number(std::string_view text) {
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// Why `value` fails `check`, in Kafka's words; nothing if it does not.
std::optional<std::string> range_problem(std::string_view check, int64_t value) {
  if (check.starts_with(">=")) {
    const int64_t lowest = to_number(check.substr(2));
    if (value >= lowest) return std::nullopt;
    return fmt::format("Value must be at least {}", lowest);
  }
  const size_t dots = check.find("..");
  if (dots == std::string_view::npos) return std::nullopt;
  const size_t bar = check.find('|');
  const int64_t lowest = to_number(check.substr(0, dots));
  const int64_t highest = to_number(check.substr(dots + 2));
  const bool is_inside = value >= lowest && value <= highest;
  if (bar != std::string_view::npos) {
    const int64_t other = to_number(check.substr(bar + 1));
    if (is_inside || value == other) return std::nullopt;
    return fmt::format("Value must be between {} and {} or equal to {}", lowest, highest, other);
  }
  if (is_inside) return std::nullopt;
  return value < lowest ? fmt::format("Value must be at least {}", lowest)
                        : fmt::format("Value must be no more than {}", highest);
}

std::optional<std::string> text_problem(std::string_view check, std::string_view value) {
  if (check == "full") {
    if (!value.empty()) return std::nullopt;
    return "String must be non-empty";
  }
  const bool is_any_case = check.starts_with("IN:");
  if (!is_any_case && !check.starts_with("in:")) return std::nullopt;
  const std::string wanted = is_any_case ? in_upper_case(value) : std::string(value);
  std::string listed;
  for (std::string_view rest = check.substr(3); !rest.empty();) {
    const std::string_view word = rest.substr(0, rest.find(','));
    if (word == wanted) return std::nullopt;
    listed += (listed.empty() ? "" : ", ") + std::string(word);
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
  }
  return fmt::format("String must be one of{}: {}", is_any_case ? " (case insensitive)" : "",
                     listed);
}

/// Checks and normalizes one value: Kafka's message if it is refused.
std::expected<std::string, std::string> parse_value(const ConfigKey& key, std::string_view raw) {
  const auto refuse = [&](std::string_view shown, std::string_view why) {
    return std::unexpected(
        fmt::format("Invalid value {} for configuration {}: {}", shown, key.name, why));
  };
  const std::string_view value = trim(raw);
  if (key.type == ConfigType::kInt || key.type == ConfigType::kLong) {
    const auto number = parse_number(value, key.type);
    if (!number)
      return refuse(raw, key.type == ConfigType::kInt ? "Not a number of type INT"
                                                      : "Not a number of type LONG");
    if (const auto why = range_problem(key.check, *number))
      return refuse(std::to_string(*number), *why);
    return std::to_string(*number);
  }
  if (key.type == ConfigType::kBoolean) {
    const std::string upper = in_upper_case(value);
    if (upper != "TRUE" && upper != "FALSE")
      return refuse(raw, "Expected value to be either true or false");
    return upper == "TRUE" ? "true" : "false";
  }
  if (const auto why = text_problem(key.check, value)) return refuse(value, *why);
  return std::string(value);
}

struct Translated {
  std::string key;
  std::string value;
};

/// librdkafka's names and units become Kafka's; nothing for a key that Kafka has no counterpart of.
std::optional<Translated> translate(const ClientSetting& setting) {
  const auto* alias = std::find_if(std::begin(kAliases), std::end(kAliases),
                                   [&](const Alias& a) { return a.name == setting.key; });
  if (alias == std::end(kAliases)) return Translated{setting.key, setting.value};
  if (alias->kafka.empty()) return std::nullopt;
  const auto number = parse_number(trim(setting.value), ConfigType::kLong);
  const bool is_scaled = alias->factor != 1 && number && *number > 0 &&
                         *number <= std::numeric_limits<int64_t>::max() / alias->factor;
  return Translated{std::string(alias->kafka),
                    is_scaled ? std::to_string(*number * alias->factor) : setting.value};
}

std::string unknown_key_warning(std::span<const ConfigKey> table, const std::string& key) {
  std::vector<std::string_view> names;
  for (const ConfigKey& row : table) names.push_back(row.name);
  const std::string_view near = nearest_name(key, names);
  const bool is_near = !near.empty() && near != key;
  return fmt::format("the setting {} is not known and is ignored{}", key,
                     is_near ? fmt::format("; did you mean {}?", near) : std::string());
}

}  // namespace

std::expected<CheckedSettings, ConfigRefusal> CheckedSettings::check(
    std::span<const ConfigKey> table, std::span<const ClientSetting> settings,
    KafkaVersion version) {
  CheckedSettings checked;
  const auto column = static_cast<size_t>(version);
  const auto is_known = [&](std::string_view key) {
    return std::any_of(table.begin(), table.end(), [&](const ConfigKey& row) {
      return row.name == key && row.defaults[column] != nullptr;
    });
  };
  for (const ClientSetting& setting : settings) {
    const auto translated = translate(setting);
    if (!translated) {
      checked.warn(fmt::format(
          "the setting {} has no meaning here and is ignored; batch.size bounds batches",
          setting.key));
    } else if (is_known(translated->key)) {
      checked.given_.insert_or_assign(translated->key, translated->value);
    } else {
      checked.warn(unknown_key_warning(table, setting.key));
    }
  }
  for (const ConfigKey& row : table) {
    if (row.defaults[column] == nullptr) continue;
    const auto given = checked.given_.find(row.name);
    if (given == checked.given_.end()) {
      checked.values_.emplace(row.name, row.defaults[column]);
      continue;
    }
    auto value = parse_value(row, given->second);
    if (!value) return std::unexpected(ConfigRefusal{std::move(value.error())});
    checked.values_.emplace(row.name, std::move(*value));
  }
  return checked;
}

bool CheckedSettings::is_given(std::string_view key) const { return given_.contains(key); }

const std::string& CheckedSettings::text(std::string_view key) const {
  static const std::string kEmpty;
  const auto at = values_.find(key);
  return at == values_.end() ? kEmpty : at->second;
}

int64_t CheckedSettings::number(std::string_view key) const { return to_number(text(key)); }
bool CheckedSettings::flag(std::string_view key) const { return text(key) == "true"; }

}  // namespace semel::client
