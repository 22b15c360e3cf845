// Consumer: reads partitions that it is told to read (no groups). One Fetch per broker is under way
// at a time, without sessions; what it brought is kept until it was read, which bounds memory to
// fetch.max.bytes per broker.
//
// Contract: everything on one executor; one call at a time. close() is awaited before destruction.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "client/consumer_config.h"
#include "client/fetched_batches.h"
#include "client/metadata_refresh.h"
#include "gen/fetch.h"
#include "rt/event.h"

namespace semel::client {

/// Times that ListOffsets understands beside ms since 1970.
inline constexpr int64_t kLatestOffset = -1;
inline constexpr int64_t kEarliestOffset = -2;

class Consumer : MetadataRefresh::User {
 public:
  Consumer(Environment environment, ConsumerConfig config);
  ~Consumer() override;
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  /// The partitions of `topic`, by number. Errors: kUnknownTopicOrPartition (still unknown at the
  /// deadline), kInvalidTopicException, kTopicAuthorizationFailed, kNetworkException.
  rt::Task<Result<int32_t>> partitions_of(std::string topic, rt::WaitLimits limits = {});

  /// Replaces what was assigned. Each partition begins at auto.offset.reset until it is sought.
  void assign(std::vector<TopicPartition> partitions);
  /// `partition` is assigned.
  void seek(const TopicPartition& partition, Offset offset);
  /// To the first offset whose timestamp is at least `time` (ms), or kEarliestOffset,
  /// kLatestOffset.
  void seek_to_time(const TopicPartition& partition, int64_t time);
  /// Of the next record; kNoOffset while a seek by time is not resolved.
  Offset position(const TopicPartition& partition) const;

  /// The offset of `time` (see seek_to_time) in the assigned `partition`; the end if no record is
  /// as young. Errors as partitions_of.
  rt::Task<Result<Offset>> offset_at(TopicPartition partition, int64_t time,
                                     rt::WaitLimits limits = {});

  /// Visits at most max.poll.records records, waiting until the deadline for the first. The number
  /// visited; 0 if there was none in time. Errors that no waiting mends: kOffsetOutOfRange (with
  /// auto.offset.reset=none), kTopicAuthorizationFailed, kCorruptMessage.
  rt::Task<Result<size_t>> poll(rt::WaitLimits limits, RecordVisitor visit);

  rt::Task<void> close();

 private:
  struct Partition {
    int32_t leader = -1;
    Offset position = kNoOffset;
    int64_t wanted_time = kLatestOffset;  // while position is kNoOffset
    uint64_t fetch = 0;                   // the latest that asked for it; 0: it was sought since
    bool is_resolving = false;
    FetchedBatches fetched;
  };
  struct Answered {
    rt::Instant again{0};
    bool is_fetching = false;
  };

  rt::Task<void> fetch(int32_t broker, rt::Gate::Entry entry);
  rt::Task<void> resolve(TopicPartition partition, rt::Gate::Entry entry);
  void start_fetches();
  gen::FetchRequest make_request(int32_t broker, uint64_t fetch);
  void take_answer(const gen::FetchResponse& response, uint64_t fetch);
  void take_error(const TopicPartition& name, Partition& partition, ErrorCode code);
  Result<size_t> read_fetched(size_t count, RecordVisitor& visit);
  std::vector<std::string> metadata_topics() const override;
  bool take_metadata(const gen::MetadataResponse& response) override;
  void wake() override { wake_.set(); }
  rt::Instant now() const { return pool_.environment().executor.clock().now(); }
  rt::Instant next_wake() const;

  ConsumerConfig config_;
  BrokerPool pool_;
  MetadataRefresh metadata_;
  std::map<TopicPartition, Partition> partitions_;
  std::map<TopicPartition, Partition>::iterator next_;  // whose turn it is
  std::map<int32_t, Answered> brokers_;
  uint64_t last_fetch_ = 0;
  rt::Event wake_;
  std::optional<Error> failure_;
  rt::CancelSource cancel_;
  rt::Gate gate_;
};

}  // namespace semel::client
