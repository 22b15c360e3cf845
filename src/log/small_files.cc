#include "log/small_files.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/log.h"
#include "base/units.h"
#include "log/file_names.h"

namespace semel::log {
namespace {

constexpr uint64_t kSmallFileMax = 64_KiB;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n\f\v";
  const size_t from = text.find_first_not_of(kBlank);
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(kBlank) - from + 1);
}

/// The integer behind `"key":` in one flat JSON object; a whole parser is not needed for two
/// numbers.
std::optional<int64_t> number_of(std::string_view json, std::string_view quoted_key) {
  size_t at = json.find(quoted_key);
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view rest = trimmed(json.substr(at + quoted_key.size()));
  if (!rest.starts_with(':')) return std::nullopt;
  rest = trimmed(rest.substr(1));
  int64_t value = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  if (error != std::errc{} || end == rest.data()) return std::nullopt;
  const std::string_view behind = trimmed(rest.substr(static_cast<size_t>(end - rest.data())));
  if (!behind.starts_with(',') && !behind.starts_with('}')) return std::nullopt;
  return value;
}

}  // namespace

std::string format_partition_metadata(const TopicId& id) {
  return fmt::format("version: 0\ntopic_id: {}", id.to_text());
}

Result<TopicId> parse_partition_metadata(std::string_view text) {
  bool has_version = false;
  std::optional<TopicId> id;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = trimmed(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (line.empty()) continue;
    const size_t colon = line.find(": ");
    if (colon == std::string_view::npos)
      return fail(ErrorCode::kCorruptMessage, "partition.metadata has a line without ': '");
    const std::string_view key = line.substr(0, colon);
    const std::string_view value = trimmed(line.substr(colon + 2));
    if (key == "version") {
      has_version = value == "0";
      if (!has_version)
        return fail(ErrorCode::kCorruptMessage, "partition.metadata has an unknown version");
    } else if (key == "topic_id") {
      id = Uuid::from_text(value);
      if (!id || id->is_zero())
        return fail(ErrorCode::kCorruptMessage, "partition.metadata has a malformed topic_id");
    }
  }
  if (!has_version || !id)
    return fail(ErrorCode::kCorruptMessage, "partition.metadata lacks its version or topic_id");
  return *id;
}

/// What a power cut leaves of a file that was not flushed yet: a prefix, or zeros in it.
bool is_torn_partition_metadata(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return true;
  const std::string whole = format_partition_metadata(TopicId{});
  constexpr size_t kIdSize = 22;
  const std::string_view fixed = std::string_view(whole).substr(0, whole.size() - kIdSize);
  const size_t common = std::min(text.size(), fixed.size());
  return text.size() < whole.size() && text.substr(0, common) == fixed.substr(0, common);
}

Result<void> write_partition_metadata(rt::Disk& disk, const std::string& folder,
                                      const TopicId& id) {
  const std::string content = format_partition_metadata(id);
  return rt::replace_file(disk, fmt::format("{}/{}", folder, kPartitionMetadataName),
                          bytes::as_bytes(content));
}

Result<std::optional<TopicId>> read_partition_metadata(rt::Disk& disk, const std::string& folder) {
  const std::string path = fmt::format("{}/{}", folder, kPartitionMetadataName);
  auto content = rt::read_file(disk, path, kSmallFileMax);
  if (!content) {
    if (content.error().cause == Cause::kNotFound) return std::nullopt;
    return fail(std::move(content.error()));
  }
  auto id = parse_partition_metadata(content->text());
  if (!id && is_torn_partition_metadata(content->text())) {
    log_warn("log", "{} was not whole when the machine stopped and counts as missing", path);
    return std::nullopt;
  }
  if (!id) return fail(std::move(id.error()), path);
  return *id;
}

std::string format_clean_shutdown(int64_t broker_epoch) {
  return fmt::format("{{\"version\":0,\"brokerEpoch\":{}}}", broker_epoch);
}

int64_t parse_clean_shutdown(std::string_view text) {
  const std::string_view json = trimmed(text);
  if (!json.starts_with('{') || !json.ends_with('}')) return -1;
  return number_of(json, "\"brokerEpoch\"").value_or(-1);
}

std::optional<int64_t> read_clean_shutdown(rt::Disk& disk, const std::string& directory) {
  const std::string path = fmt::format("{}/{}", directory, kCleanShutdownName);
  if (!disk.exists(path)) return std::nullopt;
  const auto content = rt::read_file(disk, path, kSmallFileMax);
  return content ? parse_clean_shutdown(content->text()) : -1;
}

}  // namespace semel::log
