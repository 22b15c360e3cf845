// Fetch sessions (KIP-227): a client names its partitions once, and then only what changes.
//
// A session belongs to no connection; requests of one session come one after another, guarded by
// its epoch. The cache is shared by all reactors.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/ids.h"
#include "gen/fetch.h"
#include "rt/clock.h"
#include "rt/guarded.h"
#include "rt/random.h"

namespace semel::api::broker {

/// One partition as its reader asked for it.
struct FetchTarget {
  std::string topic;  // versions up to 12
  TopicId topic_id;   // versions from 13
  int32_t partition = 0;
  int32_t current_leader_epoch = -1;
  int64_t fetch_offset = 0;
  int32_t last_fetched_epoch = -1;
  int32_t bytes_max = 0;

  bool is_same_partition(const FetchTarget& other) const {
    return partition == other.partition && topic == other.topic && topic_id == other.topic_id;
  }
};

/// What the reader was told of a partition last.
struct FetchTold {
  int64_t high_watermark = -1;
  int64_t log_start = -1;
  bool was_error = true;  // then the partition is told again
};

class FetchSession {
 public:
  /// Partitions in all sessions of a cache.
  using Total = std::shared_ptr<std::atomic<size_t>>;

  FetchSession(int32_t id, bool uses_topic_ids, bool is_privileged,
               Total total = std::make_shared<std::atomic<size_t>>(0))
      : id_(id),
        uses_topic_ids_(uses_topic_ids),
        is_privileged_(is_privileged),
        total_(std::move(total)) {}
  FetchSession(FetchSession&&) = default;
  ~FetchSession() {
    if (total_ != nullptr) total_->fetch_sub(size(), std::memory_order_relaxed);
  }

  int32_t id() const { return id_; }
  bool uses_topic_ids() const { return uses_topic_ids_; }
  bool is_privileged() const { return is_privileged_; }
  size_t size() const { return members_.size(); }
  /// The epoch that the next request must carry.
  int32_t next_epoch() const { return next_epoch_; }
  void advance_epoch() { next_epoch_ = epoch_after(next_epoch_); }
  /// 0 and −1 are no epochs of a session that goes on.
  static int32_t epoch_after(int32_t epoch) { return epoch == INT32_MAX ? 1 : epoch + 1; }

  /// Adds the partition, or takes over its new position.
  void update(const FetchTarget& target);
  /// One request's changes. False: the session has become larger than
  /// FetchSessionCache::kPartitionsMax, or all of them than kTotalMax, and this one must end, or
  /// partitions would go unserved.
  [[nodiscard]] bool change(std::span<const FetchTarget> updated,
                            std::span<const FetchTarget> forgotten);
  void forget(const FetchTarget& target);
  /// Calls `visit(target)` in the order in which they are served.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const Member& member : members_) visit(member.target);
  }
  /// Notes an answer. True if the reader must be told: data, an error, or news of the offsets. A
  /// partition with data goes to the end of the order, so that each has its turn.
  bool note(const FetchTarget& target, const FetchTold& told, bool has_data);

 private:
  struct Member {
    FetchTarget target;
    FetchTold told;
  };
  using Members = std::list<Member>;
  struct Hash {
    using is_transparent = void;
    size_t operator()(const FetchTarget& target) const noexcept {
      return std::hash<std::string>{}(target.topic) ^ std::hash<Uuid>{}(target.topic_id) ^
             static_cast<size_t>(target.partition) * 0x9e3779b97f4a7c15ull;
    }
    size_t operator()(Members::iterator member) const noexcept { return (*this)(member->target); }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(Members::iterator one, Members::iterator other) const noexcept {
      return one->target.is_same_partition(other->target);
    }
    bool operator()(const FetchTarget& one, Members::iterator other) const noexcept {
      return one.is_same_partition(other->target);
    }
  };

  int32_t id_;
  bool uses_topic_ids_;
  bool is_privileged_;  // a follower's
  int32_t next_epoch_ = 1;
  Members members_;
  std::unordered_set<Members::iterator, Hash, Equal> by_partition_;
  Total total_;
};

using SharedSession = std::shared_ptr<rt::Guarded<FetchSession>>;

class FetchSessionCache {
 public:
  /// A session of more partitions is not kept; its reader goes on with full requests.
  static constexpr size_t kPartitionsMax = 50'000;
  /// Of all sessions together: about 170 bytes each.
  static constexpr size_t kTotalMax = 250'000;
  /// A session younger than this, or used so recently, gives way only to a follower's.
  static constexpr rt::Duration kProtected = std::chrono::seconds(120);

  FetchSessionCache(size_t slots, rt::Clock& clock, rt::Random& random)
      : slots_(slots), clock_(clock), random_(random) {}

  /// Null if there is none.
  SharedSession find(int32_t id);
  void remove(int32_t id);
  /// A new session with these partitions; null if no slot is free for it, or no room.
  SharedSession create(bool uses_topic_ids, bool is_privileged,
                       std::span<const FetchTarget> targets);
  size_t size();
  /// Of the session; 0 if there is none.
  size_t partitions_of(int32_t id);

 private:
  struct Slot {
    SharedSession session;
    size_t partitions = 0;
    bool is_privileged = false;
    rt::Instant created;
    rt::Instant used;
  };
  using Slots = std::unordered_map<int32_t, Slot>;
  bool make_place(Slots& slots, size_t partitions, bool is_privileged, rt::Instant now);
  bool evict_one(Slots& slots, size_t partitions, bool is_privileged, rt::Instant now);

  const size_t slots_;
  rt::Clock& clock_;
  rt::Random& random_;
  const FetchSession::Total total_ = std::make_shared<std::atomic<size_t>>(0);
  rt::Guarded<Slots> sessions_;
};

}  // namespace semel::api::broker
