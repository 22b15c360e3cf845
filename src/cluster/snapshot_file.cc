#include "cluster/snapshot_file.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/units.h"
#include "record/batch_iterator.h"

namespace semel::cluster {
namespace {

constexpr std::string_view kSuffix = ".checkpoint";
constexpr size_t kOffsetDigits = 20;
constexpr size_t kEpochDigits = 10;
constexpr size_t kSnapshotBatchBytes = 4_MiB;
constexpr size_t kHeaderBytesMax = 64_KiB;  // the first batch: times, kraft.version, voters

template <class Int>
std::optional<Int> digits(std::string_view text) {
  Int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

class SnapshotReader final : public BatchVisitor {
 public:
  explicit SnapshotReader(const std::function<Result<void>(const VersionedRecord&)>& take)
      : take_(take) {}

  Result<void> on_record(const RecordPlace&, const VersionedRecord& record) override {
    if (!has_header_ || has_footer_)
      return fail(ErrorCode::kCorruptMessage,
                  "a record outside of the snapshot's header and footer");
    return take_(record);
  }
  Result<void> on_control(const RecordPlace& place, const ControlRecord& record) override {
    if (has_footer_)
      return fail(ErrorCode::kCorruptMessage, "records follow the snapshot's footer");
    if (const auto* header = std::get_if<SnapshotHeader>(&record)) {
      if (place.offset != Offset{0})
        return fail(ErrorCode::kCorruptMessage, "the header is not first");
      has_header_ = true;
      facts_.last_contained_log_timestamp = header->last_contained_log_timestamp;
    }
    if (std::holds_alternative<SnapshotFooter>(record)) has_footer_ = true;
    if (const auto* version = std::get_if<KraftVersion>(&record))
      facts_.kraft_version = version->version;
    if (const auto* voters = std::get_if<KraftVoters>(&record)) facts_.voters = voters->voters;
    return {};
  }
  bool is_whole() const { return has_header_ && has_footer_; }
  SnapshotFacts take_facts() { return std::move(facts_); }

 private:
  const std::function<Result<void>(const VersionedRecord&)>& take_;
  SnapshotFacts facts_;
  bool has_header_ = false;
  bool has_footer_ = false;
};

}  // namespace

std::string snapshot_name(quorum::LogPoint point) {
  return fmt::format("{:020}-{:010}{}", point.end.value, point.epoch.value, kSuffix);
}

std::optional<quorum::LogPoint> parse_snapshot_name(std::string_view name) {
  constexpr size_t kSize = kOffsetDigits + 1 + kEpochDigits;
  if (name.size() != kSize + kSuffix.size() || !name.ends_with(kSuffix) ||
      name[kOffsetDigits] != '-')
    return std::nullopt;
  const auto end = digits<int64_t>(name.substr(0, kOffsetDigits));
  const auto epoch = digits<int32_t>(name.substr(kOffsetDigits + 1, kEpochDigits));
  if (!end || !epoch) return std::nullopt;
  return quorum::LogPoint{Offset{*end}, LeaderEpoch{*epoch}};
}

Result<std::vector<quorum::LogPoint>> list_snapshots(rt::Disk& disk, const std::string& folder) {
  std::vector<quorum::LogPoint> points;
  SEMEL_TRY(const auto entries, disk.list(folder));
  for (const rt::DirectoryEntry& entry : entries) {
    const auto point = parse_snapshot_name(entry.name);
    if (point && !entry.is_directory) points.push_back(*point);
  }
  std::ranges::sort(points, {}, &quorum::LogPoint::end);
  return points;
}

Result<SnapshotFacts> read_snapshot(
    bytes::ByteSpan file, const std::function<Result<void>(const VersionedRecord&)>& take) {
  SnapshotReader reader(take);
  SEMEL_TRY([[maybe_unused]] const Offset end, read_batches(file, Offset{0}, reader));
  if (!reader.is_whole())
    return fail(ErrorCode::kCorruptMessage, "the snapshot has no header or no footer");
  return reader.take_facts();
}

namespace {

/// Takes a snapshot's header and nothing else.
class HeaderReader final : public BatchVisitor {
 public:
  Result<void> on_record(const RecordPlace&, const VersionedRecord&) override { return {}; }
  Result<void> on_control(const RecordPlace&, const ControlRecord& record) override {
    if (const auto* header = std::get_if<SnapshotHeader>(&record))
      time = header->last_contained_log_timestamp;
    return {};
  }
  std::optional<int64_t> time;
};

}  // namespace

Result<int64_t> read_snapshot_time(rt::Disk& disk, const std::string& path) {
  SEMEL_TRY(const auto file, disk.open(path, rt::OpenMode::kRead));
  std::vector<std::byte> bytes(kHeaderBytesMax);
  SEMEL_TRY(const size_t count, file->pread(0, bytes));
  record::BatchIterator batches(bytes::ByteSpan(bytes).first(count));
  const auto first = batches.next();
  if (!first) return fail(ErrorCode::kCorruptMessage, path + " has no header");
  HeaderReader reader;
  SEMEL_TRY([[maybe_unused]] const Offset end,
            read_batches(bytes::ByteSpan(bytes).first(batches.position()), Offset{0}, reader));
  if (!reader.time) return fail(ErrorCode::kCorruptMessage, path + " has no header");
  return *reader.time;
}

Result<bytes::Buffer> load_snapshot_file(rt::Disk& disk, const std::string& path) {
  return rt::read_file(disk, path, 1_GiB);
}

bytes::Buffer build_snapshot(const SnapshotContent& content, int64_t now_ms) {
  MetadataBatchBuilder builder;
  std::vector<ControlRecord> header{SnapshotHeader{content.last_contained_log_timestamp}};
  if (content.kraft_version) header.push_back(KraftVersion{*content.kraft_version});
  if (content.voters) header.push_back(KraftVoters{*content.voters});
  bytes::Writer file;
  file.put_bytes(builder.control(Offset{0}, content.epoch, now_ms, header).span());
  Offset at{static_cast<int64_t>(header.size())};
  bytes::Writer size;
  for (size_t first = 0; first < content.records.size();) {
    size_t last = first;
    size.clear();
    while (last < content.records.size() && size.size() < kSnapshotBatchBytes)
      encode_record(content.records[last++], size);
    const std::span<const VersionedRecord> part(content.records.data() + first, last - first);
    file.put_bytes(builder.records(at, content.epoch, now_ms, part).span());
    at = at + static_cast<int64_t>(part.size());
    first = last;
  }
  const ControlRecord footer = SnapshotFooter{};
  file.put_bytes(builder.control(at, content.epoch, now_ms, {&footer, 1}).span());
  return file.take();
}

}  // namespace semel::cluster
