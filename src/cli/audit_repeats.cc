#include "cli/audit_repeats.h"

#include <algorithm>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "cli/audit_scan.h"
#include "record/content.h"

namespace semel::cli {
namespace {

using record::BatchView;
/// Producer, epoch and base sequence.
using Key = std::tuple<int64_t, int16_t, int32_t>;

/// Suspects by their sequences, to be met with every batch of the partition.
class SuspectIndex {
 public:
  explicit SuspectIndex(std::vector<AuditSuspect>& suspects) {
    for (AuditSuspect& suspect : suspects) {
      const Finding& finding = suspect.finding;
      entries_.emplace(
          Key{finding.producer_id.value, finding.epoch.value, finding.first_sequence.value},
          &suspect);
      span_max_ = std::max(span_max_, finding.last_sequence.value - finding.first_sequence.value);
    }
  }

  void meet(const BatchView& batch, const AuditSuspect::Original& original) {
    const int64_t id = batch.producer_id().value;
    const int16_t epoch = batch.producer_epoch().value;
    const auto [first, last] =
        std::minmax(original.first_sequence.value, original.last_sequence.value);
    auto at = entries_.lower_bound(Key{id, epoch, std::max(0, first - span_max_)});
    while (at != entries_.end() && at->first <= Key{id, epoch, last})
      at = note(*at->second, original) ? entries_.erase(at) : std::next(at);
  }

 private:
  /// True if nothing better can come: its first equal range is found, or the walk has reached it.
  static bool note(AuditSuspect& suspect, const AuditSuspect::Original& original) {
    const Finding& finding = suspect.finding;
    const bool came_before = std::tie(original.segment, original.place.position) <
                             std::tie(suspect.segment, finding.place.position);
    const bool is_same = original.first_sequence == finding.first_sequence &&
                         original.last_sequence == finding.last_sequence;
    const bool overlaps = original.last_sequence.value >= finding.first_sequence.value &&
                          finding.last_sequence.value >= original.first_sequence.value;
    if (!came_before) return true;
    const bool is_known = suspect.original.size > 0;
    if ((!is_same && !overlaps) || (is_known && !is_same)) return false;
    suspect.original = original;
    suspect.original.is_same_range = is_same;
    return is_same;
  }

  std::multimap<Key, AuditSuspect*> entries_;
  int32_t span_max_ = 0;
};

Result<std::shared_ptr<rt::File>> open_segment(const DumpPaths& paths, const std::string& folder,
                                               const std::string& name) {
  const std::string path = folder + "/" + name;
  auto file = paths.disk.open(paths.absolute(path), rt::OpenMode::kRead);
  if (!file) return fail(file.error(), path);
  return *std::move(file);
}

Result<void> search(rt::File& file, const std::string& name, size_t segment, SuspectIndex& index) {
  SEMEL_TRY(const uint64_t size, file.size());
  AuditScan scan(file, size);
  while (true) {
    SEMEL_TRY(const auto batch, scan.next());
    if (!batch) return {};
    if (batch->is_legacy() || batch->is_control() || !batch->has_producer_id()) continue;
    AuditSuspect::Original original;
    original.place = {name, scan.position(), batch->base_offset(), batch->last_offset()};
    original.segment = segment;
    original.size = batch->size();
    original.first_sequence = batch->base_sequence();
    original.last_sequence = batch->last_sequence();
    index.meet(*batch, original);
  }
}

enum class Sameness : uint8_t { kSame, kOther, kUnknown };

class Comparer {
 public:
  Comparer(const DumpPaths& paths, const std::string& folder,
           const std::vector<AuditSegment>& segments)
      : paths_(paths), folder_(folder), segments_(segments) {}

  Result<Sameness> compare(const AuditSuspect& suspect) {
    const AuditSuspect::Original& original = suspect.original;
    SEMEL_CHECK(load(first_, original.segment, original.place.position, original.size));
    SEMEL_CHECK(load(second_, suspect.segment, suspect.finding.place.position, suspect.size));
    const BatchView first(first_);
    const BatchView second(second_);
    if (!first.crc_is_right() || !second.crc_is_right()) return Sameness::kUnknown;
    if (first.crc() == second.crc() && first.size() == second.size()) return Sameness::kSame;
    const auto is_same = record::same_content(first, second, first_scratch_, second_scratch_);
    if (!is_same) return Sameness::kUnknown;
    return *is_same ? Sameness::kSame : Sameness::kOther;
  }

 private:
  Result<void> load(std::vector<std::byte>& into, size_t segment, uint64_t at, uint64_t size) {
    SEMEL_TRY(const auto file, open_segment(paths_, folder_, segments_[segment].name));
    into.resize(size);
    SEMEL_TRY(const size_t got, file->pread(at, into));
    if (got < size)
      return fail(
          ErrorCode::kKafkaStorageError,
          fmt::format("{}/{} became shorter while it was read", folder_, segments_[segment].name));
    return {};
  }

  const DumpPaths& paths_;
  const std::string& folder_;
  const std::vector<AuditSegment>& segments_;
  std::vector<std::byte> first_;
  std::vector<std::byte> second_;
  record::RecordScratch first_scratch_;
  record::RecordScratch second_scratch_;
};

std::string offsets_text(const AuditPlace& place) {
  return place.first == place.last
             ? fmt::format("offset {}", place.first.value)
             : fmt::format("offsets {} to {}", place.first.value, place.last.value);
}

std::string sequences_text(const Finding& finding) {
  const bool is_one = finding.first_sequence == finding.last_sequence;
  return fmt::format("producer {} epoch {} {}", finding.producer_id.value, finding.epoch.value,
                     is_one ? fmt::format("sequence {}", finding.first_sequence.value)
                            : fmt::format("sequences {} to {}", finding.first_sequence.value,
                                          finding.last_sequence.value));
}

void explain(AuditSuspect& suspect, Sameness sameness) {
  Finding& finding = suspect.finding;
  const std::string who = sequences_text(finding);
  if (suspect.original.size == 0) {
    finding.kind = FindingKind::kOutOfOrder;
    finding.text = who + ": lower than sequences stored before it";
    return;
  }
  finding.earlier = suspect.original.place;
  const std::string where = offsets_text(suspect.original.place);
  if (!suspect.original.is_same_range) {
    finding.kind = FindingKind::kOverlap;
    finding.text =
        fmt::format("{} overlaps {}, which holds sequences {} to {}", who, where,
                    suspect.original.first_sequence.value, suspect.original.last_sequence.value);
  } else if (sameness == Sameness::kSame) {
    finding.kind = FindingKind::kRepeated;
    finding.text = fmt::format("{}: the same records as {}, stored again", who, where);
  } else if (sameness == Sameness::kOther) {
    finding.kind = FindingKind::kReused;
    finding.text = fmt::format("{}: other records than {} under the same sequences", who, where);
  } else {
    finding.kind = FindingKind::kRepeated;
    finding.text =
        fmt::format("{}: stored before at {}; the records cannot be compared", who, where);
  }
}

}  // namespace

Result<void> explain_repeats(const DumpPaths& paths, const std::string& folder,
                             const std::vector<AuditSegment>& segments,
                             std::vector<AuditSuspect>& suspects) {
  if (suspects.empty()) return {};
  SuspectIndex index(suspects);
  for (size_t i = 0; i < segments.size(); ++i) {
    SEMEL_TRY(const auto file, open_segment(paths, folder, segments[i].name));
    SEMEL_CHECK(search(*file, segments[i].name, i, index));
  }
  Comparer comparer(paths, folder, segments);
  for (AuditSuspect& suspect : suspects) {
    Sameness sameness = Sameness::kUnknown;
    if (suspect.original.size > 0 && suspect.original.is_same_range) {
      SEMEL_TRY(sameness, comparer.compare(suspect));
    }
    explain(suspect, sameness);
  }
  return {};
}

}  // namespace semel::cli
