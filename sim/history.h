// History: what the clients of one run sent, were told and read; and the judgement over it.
//
// Every record carries a value that is unique in the run: who sent it, to which partition, and its
// number among that sender's records for that partition. The order of a partition is given by its
// offsets, so that judging needs no search.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"

namespace semel::sim {

/// The identity of a record, as its value says it.
struct RecordKey {
  uint16_t producer = 0;
  uint16_t partition = 0;
  uint32_t number = 0;  // 0, 1, 2 … in the order in which the producer sent to this partition
  auto operator<=>(const RecordKey&) const = default;
  std::string to_text() const;
};

/// What a producer knows about a record at the end.
enum class Fate : uint8_t {
  kUnknown,  // no answer, or one that leaves it open
  kAcked,    // success with an offset
  kStored,   // success without an offset (46)
  kFailed,   // definitely not stored
};

struct Violation {
  std::string kind;  // lost, duplicate, order, inconsistent, …
  std::string text;
};

/// What a producer's way of sending promises. An idempotent one: all of it; acks=1 without
/// sequences may store a record twice; acks=0 may lose what it calls sent.
struct Promise {
  bool stores_once = true;
  bool loses_nothing = true;
  bool keeps_order = true;  // of records, or of the first copies of acknowledged ones
};

/// What the workload entitles the broker to.
struct Terms {
  /// Records acknowledged before a power cut may be lost with it (class `os`).
  bool power_cut_may_lose = false;
};

class History {
 public:
  using Time = int64_t;  // virtual ns

  void sent(const RecordKey& key, Time at);
  void acked(const RecordKey& key, Offset offset, Time at);
  void stored(const RecordKey& key, Time at);
  void failed(const RecordKey& key, Time at);
  /// `asked_at`: when the request was sent that brought it.
  void read(const RecordKey& key, Offset offset, Time asked_at);
  /// Of the idempotent ones nothing needs to be told.
  void promises(uint16_t producer, Promise promise) { promises_[producer] = promise; }
  /// The stored bytes of a record were damaged below the recovery point; from now on it may be
  /// unreadable, but never different.
  void rots(const RecordKey& key, Offset offset);
  bool is_rotten(uint16_t partition, Offset offset) const;
  /// A producer id was handed to a client; never twice.
  void took_producer_id(ProducerId id, uint16_t producer);
  /// A broker's machine lost its power; −1 counts as never.
  void lost_power(Time at) { last_power_cut_ = std::max(last_power_cut_, at); }
  /// The partition's whole content, read after everything has healed.
  void final_record(const RecordKey& key, Offset offset);
  void final_range(uint16_t partition, Offset start, Offset end);
  /// A client saw something that no correct broker does.
  void complain(std::string kind, std::string text);

  std::vector<Violation> judge(const Terms& terms) const;

  uint64_t sent_count() const { return sends_.size(); }
  uint64_t acked_count() const { return acked_; }
  uint64_t read_count() const { return reads_.size(); }
  /// As told by final_range; 0 if it was not.
  Offset end_of(uint16_t partition) const {
    const auto found = content_.find(partition);
    return found == content_.end() ? Offset{0} : found->second.end;
  }
  /// Records that lie at more than one offset.
  uint64_t doubled_count() const;
  /// Records that were told to be stored, or sent in full (acks=0), and are not there.
  uint64_t lost_count() const;

 private:
  struct Send {
    Time sent_at = 0;
    Time told_at = 0;
    Fate fate = Fate::kUnknown;
    Offset offset = kNoOffset;
  };
  struct Read {
    RecordKey key;
    Offset offset;
    Time asked_at;
  };
  struct Content {
    Offset start{0};
    Offset end{0};
    std::map<int64_t, RecordKey> records;
  };
  using Places = std::map<RecordKey, std::vector<int64_t>>;
  using Findings = std::vector<Violation>;

  /// `asked_at` and not the time of the answer: an answer may arrive after its broker died.
  bool may_be_lost(Time asked_at, const Terms& terms) const {
    return terms.power_cut_may_lose && asked_at <= last_power_cut_;
  }
  Places places() const;
  Promise promise_of(uint16_t producer) const;
  void check_rot(const RecordKey& key, Offset offset);
  void judge_content(Findings& findings) const;
  void judge_sends(const Terms& terms, const Places& places, Findings& findings) const;
  void judge_reads(const Terms& terms, Findings& findings) const;
  void judge_order(const Places& places, Findings& findings) const;
  void judge_real_time(const Terms& terms, Findings& findings) const;

  std::map<RecordKey, Send> sends_;
  std::vector<Read> reads_;
  std::map<uint16_t, Content> content_;
  std::map<uint16_t, std::map<int64_t, RecordKey>>
      rotten_;  // by partition and offset: what was there
  std::map<uint16_t, Promise> promises_;
  std::vector<Violation> complaints_;
  std::map<ProducerId, uint16_t> producer_ids_;
  uint64_t acked_ = 0;
  Time last_power_cut_ = -1;
};

}  // namespace semel::sim
