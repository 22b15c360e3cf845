#include "cli/audit_partition.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "cli/audit_repeats.h"
#include "cli/audit_scan.h"
#include "cli/audit_sequences.h"
#include "cli/dump_printer.h"
#include "log/file_names.h"
#include "record/control_batch.h"

namespace semel::cli {
namespace {

using record::BatchStop;
using record::BatchView;

std::string range_text(Sequence first, Sequence last) {
  return first == last ? fmt::format("sequence {}", first.value)
                       : fmt::format("sequences {} to {}", first.value, last.value);
}

class PartitionAudit {
 public:
  PartitionAudit(const DumpPaths& paths, const AuditTarget& target, const AuditLimits& limits,
                 const std::function<void(const Finding&)>& tell)
      : paths_(paths),
        target_(target),
        limits_(limits),
        tell_(tell),
        sequences_(limits.producers_max),
        is_compacted_(target.is_compacted) {}

  Result<AuditTotals> run() {
    SEMEL_TRY(segments_, list_segments());
    for (size_t i = 0; i < segments_.size(); ++i) SEMEL_CHECK(scan(i));
    tell_pending();
    SEMEL_CHECK(tell_repeats());
    tell_open_transactions();
    totals_.partitions = 1;
    totals_.segments = segments_.size();
    totals_.producers = sequences_.seen();
    totals_.forgotten = sequences_.forgotten();
    return totals_;
  }

 private:
  struct OpenTransaction {
    Finding finding;
    uint64_t batches = 0;
  };

  Result<std::vector<AuditSegment>> list_segments() {
    SEMEL_TRY(const auto entries, paths_.disk.list(paths_.absolute(target_.path)));
    std::vector<AuditSegment> segments;
    for (const auto& entry : entries)
      if (!entry.is_directory && log::is_file_of(entry.name, log::kLogSuffix))
        segments.push_back({entry.name, *log::offset_of_name(entry.name)});
    return segments;
  }

  void report(const Finding& finding) {
    if (limits_.ignored.test(static_cast<size_t>(finding.kind))) return;
    if (++totals_.findings > limits_.findings_max) {
      ++totals_.untold;
      return;
    }
    tell_(finding);
  }

  Finding at_batch(FindingKind kind, const BatchView& batch, std::string text) const {
    Finding finding{.kind = kind, .place = here(batch), .text = std::move(text)};
    finding.timestamp_ms = batch.max_timestamp();
    if (batch.has_producer_id()) {
      finding.producer_id = batch.producer_id();
      finding.epoch = batch.producer_epoch();
      finding.first_sequence = batch.base_sequence();
      finding.last_sequence = batch.last_sequence();
    }
    return finding;
  }
  AuditPlace here(const BatchView& batch) const {
    return {segments_[segment_].name, position_, batch.base_offset(), batch.last_offset()};
  }

  Result<void> scan(size_t segment) {
    segment_ = segment;
    const std::string path = target_.path + "/" + segments_[segment].name;
    auto file = paths_.disk.open(paths_.absolute(path), rt::OpenMode::kRead);
    if (!file) return fail(file.error(), path);
    SEMEL_TRY(const uint64_t size, (*file)->size());
    AuditScan scan(**file, size);
    bool is_first = true;
    while (true) {
      const auto batch = scan.next();
      if (!batch) return fail(batch.error(), path);
      if (!*batch) break;
      position_ = scan.position();
      if (is_first) check_segment_start(**batch);
      is_first = false;
      SEMEL_CHECK(take(**batch));
    }
    totals_.bytes += scan.end();
    check_segment_end(scan, size);
    return {};
  }

  void check_segment_start(const BatchView& batch) {
    const Offset base = segments_[segment_].base;
    if (!batch.is_legacy() && batch.base_offset() < base)
      report(at_batch(FindingKind::kOffsets, batch,
                      fmt::format("below the segment's base offset {}", base.value)));
  }

  void check_segment_end(const AuditScan& scan, uint64_t size) {
    const bool is_last = segment_ + 1 == segments_.size();
    if (scan.stop() == BatchStop::kEnd || (scan.stop() == BatchStop::kBlank && is_last)) return;
    Finding finding{.kind = FindingKind::kDamaged,
                    .place = {segments_[segment_].name, scan.end(), kNoOffset, kNoOffset},
                    .text = {}};
    finding.text =
        fmt::format("{} of {} bytes cannot be read: {}", size - scan.end(), size, scan.reason());
    if (is_last && scan.stop() == BatchStop::kTorn)
      finding.text += ", a write that a crash cut short or that is going on now";
    report(finding);
    // What a damaged segment held is unknown; the next one begins anew.
    next_offset_ = kNoOffset;
    ++gaps_;
  }

  Result<void> take(const BatchView& batch) {
    ++totals_.batches;
    totals_.records += static_cast<uint64_t>(std::max(0, batch.records_count()));
    if (!batch.crc_is_right())
      report(at_batch(FindingKind::kChecksum, batch,
                      fmt::format("the checksum is {:08x}, the batch says {:08x}",
                                  batch.compute_crc(), batch.crc())));
    if (!batch.is_legacy() && !check_header(batch)) return {};
    check_offsets(batch);
    if (batch.is_legacy() || !batch.has_producer_id()) return {};
    if (batch.is_control()) return take_marker(batch);
    if (batch.is_transactional()) open_transaction(batch);
    check_sequences(batch);
    return {};
  }

  bool check_header(const BatchView& batch) {
    const int64_t span = int64_t{batch.last_offset_delta()} + 1;
    const bool has_sane_offsets =
        batch.base_offset().value >= 0 && span >= 1 && batch.last_offset() >= batch.base_offset();
    const bool has_sane_count = batch.records_count() >= 0 && batch.records_count() <= span;
    const bool needs_sequence = batch.has_producer_id() && !batch.is_control();
    const bool has_sane_producer =
        !needs_sequence || (batch.base_sequence().value >= 0 && batch.producer_epoch().value >= 0);
    if (has_sane_offsets && has_sane_count && has_sane_producer) {
      if (batch.records_count() < span) is_compacted_ = true;
      return true;
    }
    report(at_batch(FindingKind::kDamaged, batch,
                    fmt::format("the header cannot be: {} records over {} offsets, epoch {}, "
                                "sequence {}",
                                batch.records_count(), span, batch.producer_epoch().value,
                                batch.base_sequence().value)));
    return false;
  }

  void check_offsets(const BatchView& batch) {
    // A wrapper of an old format tells only its last offset.
    const bool begins_known = !batch.is_legacy();
    if (next_offset_ == kNoOffset) {
      if (segment_ == 0) begins_at_zero_ = begins_known && batch.base_offset().value == 0;
    } else if (batch.base_offset() < next_offset_) {
      report(at_batch(FindingKind::kOffsets, batch,
                      fmt::format("go back: offset {} was to follow", next_offset_.value)));
    } else if (begins_known && batch.base_offset() > next_offset_) {
      ++gaps_;
      hold(at_batch(FindingKind::kOffsets, batch,
                    fmt::format("offsets {} to {} are missing before it", next_offset_.value,
                                batch.base_offset().value - 1)));
    }
    next_offset_ = std::max(next_offset_, batch.next_offset());
  }

  /// Kept back until it is known whether the cleaner worked here.
  void hold(Finding finding) {
    if (is_compacted_) return;
    if (pending_.size() < limits_.findings_max) {
      pending_.push_back(std::move(finding));
    } else {
      ++pending_untold_;
    }
  }

  void tell_pending() {
    if (is_compacted_) return;
    for (const Finding& finding : pending_) report(finding);
    totals_.findings += pending_untold_;
    totals_.untold += pending_untold_;
  }

  void check_sequences(const BatchView& batch) {
    const AuditBatch here{batch.producer_id(), batch.producer_epoch(), batch.base_sequence(),
                          batch.last_offset_delta()};
    // The mark tells whether offsets went missing since the producer's previous batch.
    const uint64_t mark = (gaps_ << 40) + totals_.batches;
    const SequenceVerdict verdict = sequences_.add(here, mark);
    switch (verdict.step) {
      case SequenceStep::kInOrder:
        return;
      case SequenceStep::kFirst:
        return check_first(batch, verdict);
      case SequenceStep::kGap:
        return report_missing(batch, verdict.expected, verdict.previous_mark >> 40 != gaps_);
      case SequenceStep::kSeen:
        return suspect(batch);
      case SequenceStep::kBehind:
        return report(at_batch(
            FindingKind::kOutOfOrder, batch,
            fmt::format("{} though {} was next", producer_text(batch), verdict.expected.value)));
      case SequenceStep::kOldEpoch:
        return report(at_batch(FindingKind::kOldEpoch, batch,
                               fmt::format("{} after epoch {} had begun", producer_text(batch),
                                           verdict.known_epoch.value)));
    }
  }

  static std::string producer_text(const BatchView& batch) {
    return fmt::format("producer {} epoch {} stored {}", batch.producer_id().value,
                       batch.producer_epoch().value,
                       range_text(batch.base_sequence(), batch.last_sequence()));
  }

  void check_first(const BatchView& batch, const SequenceVerdict& verdict) {
    if (batch.base_sequence().value == 0) return;
    const bool is_new_epoch = verdict.known_epoch != kNoProducerEpoch;
    if (!is_new_epoch && !begins_at_zero_) return;
    report_missing(batch, Sequence{0}, gaps_ > 0);
  }

  void report_missing(const BatchView& batch, Sequence expected, bool may_be_cleaned) {
    const Sequence last = batch.base_sequence().minus(1);
    Finding finding =
        at_batch(FindingKind::kMissing, batch,
                 fmt::format("producer {} epoch {}: {} {} missing before sequence {}",
                             batch.producer_id().value, batch.producer_epoch().value,
                             range_text(expected, last), expected == last ? "is" : "are",
                             batch.base_sequence().value));
    finding.first_sequence = expected;
    finding.last_sequence = last;
    if (may_be_cleaned) return hold(std::move(finding));
    report(finding);
  }

  void suspect(const BatchView& batch) {
    if (suspects_.size() >= limits_.findings_max) {
      ++suspects_untold_;
      return;
    }
    suspects_.push_back({.finding = at_batch(FindingKind::kRepeated, batch, {}),
                         .segment = segment_,
                         .size = batch.size(),
                         .original = {}});
  }

  Result<void> tell_repeats() {
    SEMEL_CHECK(explain_repeats(paths_, target_.path, segments_, suspects_));
    for (const AuditSuspect& suspect : suspects_) report(suspect.finding);
    totals_.findings += suspects_untold_;
    totals_.untold += suspects_untold_;
    return {};
  }

  void open_transaction(const BatchView& batch) {
    const auto [at, is_new] = open_.try_emplace(batch.producer_id());
    if (is_new) at->second.finding = at_batch(FindingKind::kOpenTransaction, batch, {});
    ++at->second.batches;
    at->second.finding.timestamp_ms =
        std::max(at->second.finding.timestamp_ms, batch.max_timestamp());
  }

  Result<void> take_marker(const BatchView& batch) {
    const auto marker = record::read_txn_marker(batch, scratch_);
    if (!marker) {
      report(at_batch(FindingKind::kDamaged, batch,
                      "the transaction marker cannot be read: " + marker.error().context));
      return {};
    }
    if (!*marker) return {};
    open_.erase(batch.producer_id());
    sequences_.add_marker(batch.producer_id(), batch.producer_epoch(),
                          (gaps_ << 40) + totals_.batches);
    return {};
  }

  void tell_open_transactions() {
    std::vector<OpenTransaction> open;
    for (auto& [id, transaction] : open_) open.push_back(std::move(transaction));
    std::ranges::sort(open, {}, [](const OpenTransaction& t) { return t.finding.place.first; });
    for (OpenTransaction& transaction : open) {
      Finding& finding = transaction.finding;
      finding.first_sequence = finding.last_sequence = kNoSequence;
      finding.text = fmt::format(
          "producer {} epoch {}: the transaction that begins here is open ({}, last at {}); "
          "read_committed consumers wait here",
          finding.producer_id.value, finding.epoch.value,
          transaction.batches == 1 ? "1 batch" : fmt::format("{} batches", transaction.batches),
          time_text(finding.timestamp_ms));
      report(finding);
    }
  }

  const DumpPaths& paths_;
  const AuditTarget& target_;
  const AuditLimits& limits_;
  const std::function<void(const Finding&)>& tell_;
  AuditSequences sequences_;
  bool is_compacted_;
  std::vector<AuditSegment> segments_;
  size_t segment_ = 0;
  uint64_t position_ = 0;
  Offset next_offset_ = kNoOffset;
  bool begins_at_zero_ = false;
  uint64_t gaps_ = 0;  // pieces of missing offsets so far
  std::vector<Finding> pending_;
  uint64_t pending_untold_ = 0;
  std::vector<AuditSuspect> suspects_;
  uint64_t suspects_untold_ = 0;
  std::map<ProducerId, OpenTransaction> open_;
  record::RecordScratch scratch_;
  AuditTotals totals_;
};

}  // namespace

AuditTotals& AuditTotals::operator+=(const AuditTotals& other) {
  partitions += other.partitions;
  segments += other.segments;
  batches += other.batches;
  records += other.records;
  bytes += other.bytes;
  producers += other.producers;
  findings += other.findings;
  untold += other.untold;
  forgotten += other.forgotten;
  return *this;
}

Result<AuditTotals> audit_partition(const DumpPaths& paths, const AuditTarget& target,
                                    const AuditLimits& limits,
                                    const std::function<void(const Finding&)>& tell) {
  return PartitionAudit(paths, target, limits, tell).run();
}

}  // namespace semel::cli
