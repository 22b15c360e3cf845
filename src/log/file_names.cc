#include "log/file_names.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "log/log_config.h"

namespace semel::log {
namespace {

constexpr size_t kDigits = 20;
constexpr size_t kNameMax = 255;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

std::optional<TopicPartition> parse_partition(std::string_view name) {
  const size_t dash = name.rfind('-');
  if (dash == std::string_view::npos || dash == 0) return std::nullopt;
  const std::string_view digits = name.substr(dash + 1);
  int32_t index = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
  if (error != std::errc{} || end != digits.data() + digits.size() || index < 0)
    return std::nullopt;
  return TopicPartition{std::string(name.substr(0, dash)), PartitionIndex{index}};
}

}  // namespace

std::string file_name(Offset base, std::string_view suffix) {
  return fmt::format("{:020}{}", base.value, suffix);
}

std::optional<Offset> offset_of_name(std::string_view name) {
  const std::string_view digits = name.substr(0, name.find('.'));
  if (digits.empty() || !std::ranges::all_of(digits, is_digit)) return std::nullopt;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  if (value > kOffsetMax) return std::nullopt;
  return Offset{value};
}

bool is_file_of(std::string_view name, std::string_view suffix) {
  return name.size() == kDigits + suffix.size() && name.ends_with(suffix) &&
         std::ranges::all_of(name.substr(0, kDigits), is_digit) && offset_of_name(name).has_value();
}

FolderName parse_folder_name(std::string_view name) {
  static constexpr std::pair<std::string_view, FolderKind> kRetired[] = {
      {"-delete", FolderKind::kDelete},
      {"-stray", FolderKind::kStray},
      {"-future", FolderKind::kFuture}};
  for (const auto& [suffix, kind] : kRetired) {
    if (!name.ends_with(suffix)) continue;
    const std::string_view rest = name.substr(0, name.size() - suffix.size());
    const size_t dot = rest.rfind('.');
    if (dot == std::string_view::npos || rest.size() - dot - 1 != 32) continue;
    if (!std::ranges::all_of(rest.substr(dot + 1), is_hex)) continue;
    const auto partition = parse_partition(rest.substr(0, dot));
    if (partition) return {kind, *partition};
  }
  if (const auto partition = parse_partition(name)) return {FolderKind::kPartition, *partition};
  return {};
}

std::string retired_folder_name(const TopicPartition& partition, const Uuid& id,
                                std::string_view suffix) {
  const std::string tail =
      fmt::format("-{}.{:016x}{:016x}{}", partition.partition.value, id.high(), id.low(), suffix);
  return partition.topic.substr(0, kNameMax - tail.size()) + tail;
}

}  // namespace semel::log
