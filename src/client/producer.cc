#include "client/producer.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "base/log.h"
#include "gen/init_producer_id.h"

namespace semel::client {
namespace {

/// Topics by name; from version 13 on they are told by id.
constexpr int16_t kProduceVersionMax = 12;
constexpr int32_t kNoTransactionTimeout = std::numeric_limits<int32_t>::max();

gen::ProduceRequest make_request(const ProducerConfig& config,
                                 const std::vector<DrainedBatch>& batches) {
  gen::ProduceRequest request;
  request.acks = config.acks;
  request.timeout_ms = static_cast<int32_t>(config.connection.request_timeout.count());
  for (const DrainedBatch& batch : batches) {
    const bool is_same_topic =
        !request.topic_data.empty() && request.topic_data.back().name == batch.ref.topic;
    auto& topic = is_same_topic ? request.topic_data.back() : request.topic_data.append();
    topic.name = batch.ref.topic;
    auto& data = topic.partition_data.append();
    data.index = batch.ref.partition;
    data.records = batch.bytes;
  }
  return request;
}

}  // namespace

Producer::Producer(Environment environment, ProducerConfig config, DeliveryListener& listener)
    : config_(std::move(config)),
      core_(config_, environment.random, listener, environment.plants),
      pool_(environment, config_.connection, [this] { wake_.set(); }),
      metadata_(pool_, config_.connection, true, *this),
      wake_(environment.executor),
      progress_(environment.executor) {}

Producer::~Producer() = default;

void Producer::start() { rt::spawn(run(gate_.enter())); }

rt::Task<void> Producer::run(rt::Gate::Entry entry) {
  const rt::CancelToken token = cancel_.token();
  while (!token.is_cancelled()) {
    wake_.reset();
    pump();
    const rt::Instant until = next_wake();
    co_await wake_.wait({until, &token});
  }
}

rt::Instant Producer::next_wake() const {
  rt::Instant wake = std::min({core_.next_wake(now()), pool_.retry_at(), metadata_.next_wake()});
  if (core_.needs_identity() && !is_learning_identity_ && identity_at_ > now())
    wake = std::min(wake, identity_at_);
  return wake;
}

void Producer::start_chores(rt::Instant time) {
  if (core_.take_metadata_request()) metadata_.want();
  metadata_.start_if_due(time);
  const bool has_work = !core_.is_empty() || !topics_.empty();
  if (core_.needs_identity() && has_work && !is_learning_identity_ && time >= identity_at_) {
    is_learning_identity_ = true;
    rt::spawn(learn_identity(gate_.enter()));
  }
}

void Producer::pump() {
  if (is_stopped_) return;
  const rt::Instant time = now();
  core_.expire(time);
  core_.set_memory_pressure(waiting_for_room_ > 0);
  for (const int32_t broker : core_.ready_brokers(time)) {
    const ConnectionPtr connection = pool_.find(broker);
    if (connection == nullptr) continue;
    Lane& lane = lanes_[broker];
    while (lane.in_flight < config_.in_flight_max) {
      auto batches = core_.drain(broker, time);
      if (batches.empty()) break;
      ++lane.in_flight;
      rt::spawn(deliver(broker, connection, std::move(batches), gate_.enter()));
    }
  }
  start_chores(time);
  progress_.set();
}

rt::Task<Result<gen::ProduceResponse>> Producer::exchange(
    ConnectionPtr connection, const std::vector<DrainedBatch>& batches) {
  constexpr int16_t kKey = gen::ProduceRequest::kApiKey;
  const peer::VersionRange served = connection->versions(kKey);
  const int16_t version = std::min(served.max, kProduceVersionMax);
  if (version < served.min || version < gen::ProduceRequest::kMinVersion)
    co_return fail(ErrorCode::kUnsupportedVersion,
                   "the broker serves no version of Produce that this client knows");
  bytes::Writer writer;
  const auto encoded = make_request(config_, batches).encode(writer, version);
  if (!encoded) co_return fail(encoded.error());
  const rt::WaitLimits limits = pool_.request_limits();
  if (config_.acks == 0) {
    auto sent = co_await connection->send(kKey, version, writer.take(), limits);
    if (!sent) co_return fail(sent.error());
    co_return gen::ProduceResponse{};
  }
  auto body = co_await connection->call(kKey, version, writer.take(), limits);
  if (!body) co_return fail(body.error());
  bytes::Reader reader(*body);
  gen::ProduceResponse response;
  const auto decoded = response.decode(reader, version);
  if (!decoded) co_return fail(decoded.error());
  co_return response;
}

rt::Task<void> Producer::deliver(int32_t broker, ConnectionPtr connection,
                                 std::vector<DrainedBatch> batches, rt::Gate::Entry entry) {
  auto response = co_await exchange(connection, batches);
  --lanes_[broker].in_flight;
  wake_.set();
  if (!response) {
    const bool is_refused = response.error().code == ErrorCode::kUnsupportedVersion;
    if (!is_refused) connection->close();
    for (const DrainedBatch& batch : batches) {
      if (is_refused)
        core_.on_answer(batch.ref, {response.error().code, kNoOffset, -1, response.error().context},
                        now());
      else
        core_.on_lost(batch.ref, response.error(), true, now());
    }
    co_return;
  }
  if (config_.acks == 0) {
    for (const DrainedBatch& batch : batches) core_.on_written(batch.ref, now());
    co_return;
  }
  take_answers(batches, *response);
}

void Producer::take_answers(const std::vector<DrainedBatch>& batches,
                            const gen::ProduceResponse& response) {
  std::map<std::pair<std::string_view, int32_t>,
           const gen::ProduceResponse::PartitionProduceResponse*>
      answers;
  for (const auto& topic : response.responses)
    for (const auto& answer : topic.partition_responses)
      answers.try_emplace({topic.name, answer.index}, &answer);
  for (const DrainedBatch& batch : batches) {
    const auto at = answers.find({batch.ref.topic, batch.ref.partition});
    const auto* found = at == answers.end() ? nullptr : at->second;
    if (found == nullptr) {
      core_.on_lost(
          batch.ref,
          {ErrorCode::kNetworkException, "the broker's answer does not tell about this partition"},
          true, now());
      continue;
    }
    BatchAnswer answer{static_cast<ErrorCode>(found->error_code), Offset{found->base_offset},
                       found->log_append_time_ms, found->error_message.value_or("")};
    if (answer.message.empty() && !found->record_errors.empty())
      answer.message = found->record_errors.front().batch_index_error_message.value_or("");
    core_.on_answer(batch.ref, answer, now());
  }
}

std::vector<std::string> Producer::metadata_topics() const {
  return {topics_.begin(), topics_.end()};
}

bool Producer::take_metadata(const gen::MetadataResponse& response) {
  bool is_complete = true;
  for (const auto& topic : response.topics) {
    const std::string name = topic.name.value_or("");
    if (!topics_.contains(name)) continue;
    const auto code = static_cast<ErrorCode>(topic.error_code);
    topic_errors_.erase(name);
    if (code == ErrorCode::kInvalidTopicException || code == ErrorCode::kTopicAuthorizationFailed) {
      topic_errors_[name] = {code,
                             code == ErrorCode::kInvalidTopicException
                                 ? fmt::format("Invalid topics: [{}]", name)
                                 : fmt::format("Not authorized to access topics: [{}]", name)};
    } else if (code != ErrorCode::kNone && code != ErrorCode::kLeaderNotAvailable) {
      is_complete = false;
    }
    std::vector<int32_t> leaders(topic.partitions.size(), -1);
    for (const auto& partition : topic.partitions) {
      const auto index = static_cast<size_t>(partition.partition_index);
      if (partition.partition_index < 0 || index >= leaders.size()) continue;
      if (pool_.knows(partition.leader_id)) leaders[index] = partition.leader_id;
    }
    if (std::ranges::any_of(leaders, [](int32_t leader) { return leader < 0; }))
      is_complete = false;
    if (!leaders.empty()) core_.set_topic(name, leaders);
  }
  for (const std::string& name : topics_)
    if (core_.partition_count(name) == 0 && !topic_errors_.contains(name)) is_complete = false;
  return is_complete;
}

rt::Task<void> Producer::learn_identity(rt::Gate::Entry entry) {
  const rt::CancelToken token = cancel_.token();
  gen::InitProducerIdRequest request;
  request.transactional_id = std::nullopt;
  request.transaction_timeout_ms = kNoTransactionTimeout;
  rt::WaitLimits limits{now() + config_.connection.request_timeout, &token};
  auto connection = co_await pool_.any(limits);
  Result<gen::InitProducerIdResponse> response = fail(ErrorCode::kNetworkException);
  if (connection) {
    const ConnectionPtr& held = *connection;
    auto answer = co_await peer::call_typed<gen::InitProducerIdResponse>(*held, request, limits);
    response = std::move(answer);
  }
  is_learning_identity_ = false;
  identity_at_ = now() + config_.connection.retry_backoff;
  wake_.set();
  if (token.is_cancelled()) co_return;
  if (!response) {
    if (connection && response.error().code == ErrorCode::kUnsupportedVersion)
      give_up_for_good(response.error());
    co_return;
  }
  const auto code = static_cast<ErrorCode>(response->error_code);
  const bool is_identity = response->producer_id >= 0 && response->producer_epoch >= 0;
  if (code == ErrorCode::kNone && is_identity) {
    log_debug("client", "producer id {}, epoch {}", response->producer_id,
              response->producer_epoch);
    core_.set_identity(
        {ProducerId{response->producer_id}, ProducerEpoch{response->producer_epoch}});
  } else if (code == ErrorCode::kNone) {
    log_warn("client",
             "the broker gave producer id {} with epoch {}, which is none; it is asked again",
             response->producer_id, response->producer_epoch);
  } else if (!error_is_retriable(code)) {
    give_up_for_good(
        {code,
         fmt::format("the broker gives no producer id: {}; enable.idempotence=false does without",
                     error_name(code))});
  }
}

void Producer::give_up_for_good(const Error& why) {
  fatal_ = why;
  core_.fail_all(why);
  wake_.set();
}

Result<bool> Producer::check_topic(std::string_view topic) {
  if (fatal_) return fail(*fatal_);
  if (is_closing_)
    return fail(ErrorCode::kInvalidRequest,
                "Cannot perform operation after producer has been closed");
  if (!config_.transactional_id.empty())
    return fail(
        ErrorCode::kInvalidTxnState,
        "Cannot perform a 'send' before completing a call to initTransactions when "
        "transactions are enabled. (transactional.id is set; this producer has no transactions)");
  const auto refused = topic_errors_.find(topic);
  if (refused != topic_errors_.end()) return fail(refused->second);
  if (topics_.contains(topic)) return true;
  topics_.emplace(topic);
  metadata_.want_new_topic();
  wake_.set();
  return false;
}

Result<bool> Producer::try_send(const ProducerRecord& record, uint64_t tag) {
  SEMEL_TRY(const bool is_wanted, check_topic(record.topic));
  if (!is_wanted) return false;
  SEMEL_TRY(const auto outcome, core_.append(record, tag, now(), unix_ms()));
  if (outcome == ProducerCore::Append::kAccepted) {
    wake_.set();
    return true;
  }
  const bool is_new_partition =
      outcome == ProducerCore::Append::kUnknownTopic && core_.partition_count(record.topic) > 0;
  if (is_new_partition && metadata_.want()) wake_.set();
  return false;
}

Error Producer::block_error(std::string_view topic, bool is_topic_known) const {
  if (!is_topic_known)
    return {ErrorCode::kRequestTimedOut,
            fmt::format("Topic {} not present in metadata after {} ms.", topic,
                        config_.max_block.count())};
  return {
      ErrorCode::kRequestTimedOut,
      fmt::format("Failed to allocate memory within the configured max blocking time {} ms. Total "
                  "memory: {} "
                  "bytes. Available memory: {} bytes.",
                  config_.max_block.count(), config_.buffer_memory,
                  config_.buffer_memory - std::min(config_.buffer_memory, core_.memory_used()))};
}

rt::Task<Result<void>> Producer::send(ProducerRecord record, uint64_t tag) {
  const auto accepted = try_send(record, tag);
  if (!accepted) co_return fail(accepted.error());
  if (*accepted) co_return Result<void>{};
  bool waits_for_room = false;
  auto done = co_await send_when_possible(record, tag, waits_for_room);
  if (waits_for_room) --waiting_for_room_;
  co_return done;
}

rt::Task<Result<void>> Producer::send_when_possible(const ProducerRecord& record, uint64_t tag,
                                                    bool& waits_for_room) {
  const rt::CancelToken token = cancel_.token();
  const rt::Instant deadline = now() + config_.max_block;
  while (true) {
    const auto accepted = try_send(record, tag);
    if (!accepted) co_return fail(accepted.error());
    if (*accepted) co_return Result<void>{};
    const int32_t count = core_.partition_count(record.topic);
    const bool is_topic_known =
        count > 0 && (!record.partition || (*record.partition >= 0 && *record.partition < count));
    if (now() >= deadline) {
      Error why = block_error(record.topic, is_topic_known);
      if (count > 0 && !is_topic_known)
        why.context = fmt::format(
            "Partition {} of topic {} with partition count {} is not present in metadata after {} "
            "ms.",
            *record.partition, record.topic, count, config_.max_block.count());
      co_return fail(why);
    }
    // The loop is told once: it wakes who waits whenever it has run, and must come to rest itself.
    if (is_topic_known && !std::exchange(waits_for_room, true)) {
      ++waiting_for_room_;
      wake_.set();
    }
    progress_.reset();
    co_await progress_.wait({deadline, &token});
  }
}

rt::Task<Result<int32_t>> Producer::partitions_of(std::string topic) {
  const rt::CancelToken token = cancel_.token();
  const rt::Instant deadline = now() + config_.max_block;
  while (true) {
    const auto is_wanted = check_topic(topic);
    if (!is_wanted) co_return fail(is_wanted.error());
    const int32_t count = core_.partition_count(topic);
    if (count > 0) co_return count;
    if (now() >= deadline) co_return fail(block_error(topic, false));
    progress_.reset();
    co_await progress_.wait({deadline, &token});
  }
}

rt::Task<Result<void>> Producer::flush(rt::WaitLimits limits) {
  const uint64_t mark = core_.flush_mark();
  core_.begin_flush();
  wake_.set();
  bool is_late = false;
  while (!core_.is_flushed(mark) && !is_late) {
    progress_.reset();
    const rt::WaitOutcome outcome = co_await progress_.wait(limits);
    is_late = outcome != rt::WaitOutcome::kReady;
  }
  core_.end_flush();
  if (is_late && !core_.is_flushed(mark))
    co_return fail(ErrorCode::kRequestTimedOut, "not everything was acknowledged in time");
  co_return Result<void>{};
}

rt::Task<void> Producer::close(Milliseconds timeout) {
  is_closing_ = true;
  if (timeout.count() > 0) co_await flush({.deadline = now() + timeout, .cancel = nullptr});
  is_stopped_ = true;
  core_.fail_all({ErrorCode::kRequestTimedOut, "The producer is closed forcefully."});
  cancel_.cancel();
  pool_.close();
  progress_.set();
  co_await gate_.close(pool_.environment().executor);
  co_await pool_.join();
}

}  // namespace semel::client
