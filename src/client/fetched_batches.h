// FetchedBatches: the bytes that one Fetch brought for one partition, read record by record. Pure.
//
// read_committed: the broker names the aborted transactions that touch the range (producer and
// first offset); their records are left out until the producer's abort marker (KIP-98).
#pragma once

#include <set>
#include <vector>

#include "base/result.h"
#include "record/batch_iterator.h"
#include "record/record_feed.h"
#include "record/record_view.h"
#include "rt/function.h"

namespace semel::client {

/// A record as its reader sees it; everything is valid during the call only.
struct ConsumedRecord {
  std::string_view topic;
  int32_t partition = 0;
  const record::RecordView& record;
  record::TimestampType timestamp_type = record::TimestampType::kCreateTime;
  LeaderEpoch leader_epoch = kNoLeaderEpoch;
};

/// False: enough for now; this record counts as read.
using RecordVisitor = rt::UniqueFunction<bool(const ConsumedRecord&)>;

struct AbortedTransaction {
  ProducerId producer;
  Offset first;
};

class FetchedBatches {
 public:
  FetchedBatches() = default;
  FetchedBatches(bytes::Buffer bytes, std::vector<AbortedTransaction> aborted);

  bool is_empty() const { return at_ >= bytes_.size(); }

  struct Reading {
    std::string_view topic;
    int32_t partition = 0;
    bool checks_crc = true;
    bool is_read_committed = false;
  };
  /// Visits records from `position` on, and moves it, until the visitor stops or `left` is used up.
  /// Records below `position` are passed over. Error: kCorruptMessage, with the offset; `position`
  /// then is that of the damaged batch. Bytes without a whole batch are an error too: they would be
  /// fetched again for ever (a broker sends at least one whole batch or nothing, KIP-74).
  Result<void> read(const Reading& reading, Offset& position, size_t& left, RecordVisitor& visit);

 private:
  enum class Step : uint8_t { kNext, kStop };
  Result<Step> read_batch(const record::BatchView& batch, const Reading& reading, Offset& position,
                          size_t& left, RecordVisitor& visit);
  template <class Records>
  Result<Step> visit_records(Records& records, const record::BatchView& batch,
                             const Reading& reading, std::pair<Offset*, size_t*> progress,
                             RecordVisitor& visit);
  bool is_aborted(const record::BatchView& batch);

  bytes::Buffer bytes_;
  size_t at_ = 0;
  std::vector<AbortedTransaction> aborted_;  // by first offset
  size_t aborted_at_ = 0;
  std::set<int64_t> aborting_;  // producers whose records are left out now
  record::RecordScratch scratch_;
};

}  // namespace semel::client
