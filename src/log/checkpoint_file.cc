#include "log/checkpoint_file.h"

#include <charconv>
#include <iterator>
#include <optional>

#include <fmt/format.h>

#include "base/units.h"

namespace semel::log {
namespace {

constexpr uint64_t kFileMax = 256_MiB;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v'; }

class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}
  std::optional<std::string_view> next() {
    if (rest_.empty()) return std::nullopt;
    const size_t end = rest_.find('\n');
    const std::string_view line = rest_.substr(0, end);
    rest_ = end == std::string_view::npos ? std::string_view{} : rest_.substr(end + 1);
    return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
  }

 private:
  std::string_view rest_;
};

std::string_view next_field(std::string_view& line) {
  size_t at = 0;
  while (at < line.size() && is_blank(line[at])) ++at;
  size_t end = at;
  while (end < line.size() && !is_blank(line[end])) ++end;
  const std::string_view field = line.substr(at, end - at);
  line = line.substr(end);
  return field;
}

template <class Int>
bool parse_int(std::string_view text, Int& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && error == std::errc{} && end == text.data() + text.size();
}

/// Calls `entry(line)` for each entry line; false from it means malformed.
template <class Entry>
Result<void> walk(std::string_view text, Entry entry) {
  if (text.empty()) return {};
  Lines lines(text);
  int32_t version = -1;
  int32_t count = -1;
  const auto first = lines.next();
  if (!first || !parse_int(*first, version) || version != 0)
    return fail(ErrorCode::kCorruptMessage, "the version line of a checkpoint is not 0");
  const auto second = lines.next();
  if (!second || !parse_int(*second, count) || count < 0)
    return fail(ErrorCode::kCorruptMessage, "the count line of a checkpoint is not a number");
  int32_t seen = 0;
  while (const auto line = lines.next()) {
    if (seen == count || !entry(*line)) {
      return fail(
          ErrorCode::kCorruptMessage,
          fmt::format("entry {} of {} in a checkpoint is malformed or too many", seen + 1, count));
    }
    ++seen;
  }
  if (seen != count) {
    return fail(ErrorCode::kCorruptMessage,
                fmt::format("a checkpoint has {} entries and promises {}", seen, count));
  }
  return {};
}

}  // namespace

Result<OffsetCheckpoint> parse_offset_checkpoint(std::string_view text) {
  OffsetCheckpoint offsets;
  SEMEL_CHECK(walk(text, [&](std::string_view line) {
    const std::string_view topic = next_field(line);
    int32_t partition = -1;
    int64_t offset = -1;
    if (topic.empty() || !parse_int(next_field(line), partition) || partition < 0) return false;
    if (!parse_int(next_field(line), offset) || !next_field(line).empty()) return false;
    offsets[TopicPartition{std::string(topic), PartitionIndex{partition}}] = Offset{offset};
    return true;
  }));
  return offsets;
}

std::string format_offset_checkpoint(const OffsetCheckpoint& offsets) {
  std::string text = fmt::format("0\n{}\n", offsets.size());
  for (const auto& [name, offset] : offsets)
    fmt::format_to(std::back_inserter(text), "{} {} {}\n", name.topic, name.partition.value,
                   offset.value);
  return text;
}

Result<std::vector<EpochStart>> parse_epoch_checkpoint(std::string_view text) {
  std::vector<EpochStart> epochs;
  SEMEL_CHECK(walk(text, [&](std::string_view line) {
    int32_t epoch = -1;
    int64_t start = -1;
    if (!parse_int(next_field(line), epoch) || !parse_int(next_field(line), start)) return false;
    if (!next_field(line).empty() || epoch < 0 || start < 0) return false;
    epochs.push_back({LeaderEpoch{epoch}, Offset{start}});
    return true;
  }));
  return epochs;
}

std::string format_epoch_checkpoint(const std::vector<EpochStart>& epochs) {
  std::string text = fmt::format("0\n{}\n", epochs.size());
  for (const EpochStart& entry : epochs)
    fmt::format_to(std::back_inserter(text), "{} {}\n", entry.epoch.value, entry.start.value);
  return text;
}

Result<OffsetCheckpoint> read_offset_checkpoint(rt::Disk& disk, const std::string& path) {
  auto content = rt::read_file(disk, path, kFileMax);
  if (!content) {
    if (content.error().cause == Cause::kNotFound) return OffsetCheckpoint{};
    return fail(std::move(content.error()));
  }
  auto offsets = parse_offset_checkpoint(content->text());
  if (!offsets) return fail(std::move(offsets.error()), path);
  return offsets;
}

}  // namespace semel::log
