// RecordIterator: walks the records of one v2 batch, decompressing on the way.
#pragma once

#include "base/result.h"
#include "record/record_feed.h"
#include "record/record_view.h"

namespace semel::record {

/// Strict, as Kafka: each record's length must be used up exactly, header counts and lengths must
/// fit, and exactly records_count records must be there. The batch's CRC is not looked at.
///
///   RecordIterator records(batch, scratch);
///   for (RecordView record; records.next(record);) …
///   SEMEL_CHECK(records.status());
class RecordIterator {
 public:
  /// `batch` must be v2 (legacy entries: LegacyRecordIterator) and, with `scratch`, outlive *this.
  RecordIterator(const BatchView& batch, RecordScratch& scratch,
                 const DecompressLimits& limits = {});

  /// Fills `record` with the next record, whose spans are valid until the next call. False at the
  /// end and after a failure.
  bool next(RecordView& record);

  /// Ok so far, and at the end: ok. Else kCorruptMessage with what is wrong and at which record.
  Result<void> status() const;

 private:
  bool fail_at(const char* why);
  void finish();
  void fill(RecordView& record, const RecordFields& fields) const;

  BatchView batch_;
  RecordFeed feed_;
  int32_t left_;
  int32_t done_ = 0;
  const char* failure_ = nullptr;
};

}  // namespace semel::record
