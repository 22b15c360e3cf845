// Producer: sends records to a cluster. Three delivery modes, chosen by the settings:
//   acks=0                              at most once: never waits, never tries again
//   acks=1 or all, enable.idempotence=false   at least once: a lost answer may store a record twice
//   enable.idempotence=true (default)   once, and in order per partition, within
//   delivery.timeout.ms
//
// Contract: everything on one executor, which may be any (a reactor of rt/linux, the simulator's).
// start() first; close() last, and awaited before the producer is destroyed. Every accepted record
// gets exactly one report. Source: KIP-98, KIP-91, KIP-360, KIP-794; decisions in producer_core.h.
#pragma once

#include <map>
#include <set>
#include <string>

#include "client/metadata_refresh.h"
#include "client/producer_core.h"
#include "gen/produce.h"
#include "rt/event.h"

namespace semel::client {

class Producer : MetadataRefresh::User {
 public:
  /// `listener` outlives it.
  Producer(Environment environment, ProducerConfig config, DeliveryListener& listener);
  ~Producer() override;
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  void start();

  /// Takes the record over (copies it) if that is possible at once; false: the topic is not known
  /// yet or the buffer is full, use send(). Errors: kMessageTooLarge, kInvalidRequest,
  /// kInvalidTopicException, kTopicAuthorizationFailed, and what made the producer give up for good
  /// (fatal_error()).
  Result<bool> try_send(const ProducerRecord& record, uint64_t tag);

  /// As try_send, but waits up to max.block.ms for metadata and for room. Error then:
  /// kRequestTimedOut. What `record` refers to must live until it is done.
  rt::Task<Result<void>> send(ProducerRecord record, uint64_t tag);

  /// Sends what was accepted before, whatever linger.ms says, and waits until each is reported.
  /// Error: kRequestTimedOut (the limits' deadline).
  rt::Task<Result<void>> flush(rt::WaitLimits limits = {});

  /// Waits up to `timeout` for what was accepted, reports the rest as failed, and ends everything.
  rt::Task<void> close(Milliseconds timeout);

  /// The number of partitions of `topic`, waiting up to max.block.ms for metadata. Errors as send.
  rt::Task<Result<int32_t>> partitions_of(std::string topic);

  const ProducerConfig& config() const { return config_; }
  Identity identity() const { return core_.identity(); }
  /// Set once nothing can be sent any more (not authorised for idempotence, for example).
  const std::optional<Error>& fatal_error() const { return fatal_; }

 private:
  struct Lane {
    int32_t in_flight = 0;
  };

  rt::Task<void> run(rt::Gate::Entry entry);
  rt::Task<void> learn_identity(rt::Gate::Entry entry);
  rt::Task<void> deliver(int32_t broker, ConnectionPtr connection,
                         std::vector<DrainedBatch> batches, rt::Gate::Entry entry);
  rt::Task<Result<gen::ProduceResponse>> exchange(ConnectionPtr connection,
                                                  const std::vector<DrainedBatch>& batches);
  rt::Task<Result<void>> send_when_possible(const ProducerRecord& record, uint64_t tag,
                                            bool& waits_for_room);
  void pump();
  void start_chores(rt::Instant now);
  rt::Instant next_wake() const;
  void take_answers(const std::vector<DrainedBatch>& batches, const gen::ProduceResponse& response);
  std::vector<std::string> metadata_topics() const override;
  bool take_metadata(const gen::MetadataResponse& response) override;
  void wake() override { wake_.set(); }
  Result<bool> check_topic(std::string_view topic);
  Error block_error(std::string_view topic, bool is_topic_known) const;
  void give_up_for_good(const Error& why);
  rt::Instant now() const { return pool_.environment().executor.clock().now(); }
  int64_t unix_ms() const { return pool_.environment().executor.clock().unix_ms(); }

  ProducerConfig config_;
  ProducerCore core_;
  BrokerPool pool_;
  MetadataRefresh metadata_;
  std::map<int32_t, Lane> lanes_;
  std::set<std::string, std::less<>> topics_;
  std::map<std::string, Error, std::less<>> topic_errors_;
  rt::Event wake_;      // the loop has something to do
  rt::Event progress_;  // room, metadata, or reports: whoever waits looks again
  rt::Instant identity_at_{0};
  int32_t waiting_for_room_ = 0;
  bool is_learning_identity_ = false;
  bool is_closing_ = false;
  bool is_stopped_ = false;
  std::optional<Error> fatal_;
  rt::CancelSource cancel_;
  rt::Gate gate_;
};

}  // namespace semel::client
