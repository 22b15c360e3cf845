#include "client/consumer.h"

#include <algorithm>
#include <limits>
#include <set>

#include <fmt/format.h>

#include "base/log.h"
#include "gen/list_offsets.h"

namespace semel::client {
namespace {

/// Topics by name; from version 13 on they are told by id.
constexpr int16_t kFetchVersionMax = 12;

/// Kafka calls CORRUPT_MESSAGE retriable; but what is stored wrong stays wrong, so its user is
/// told.
bool stays(ErrorCode code) {
  return !error_is_retriable(code) || code == ErrorCode::kCorruptMessage;
}

Error topic_error(ErrorCode code, std::string_view topic) {
  if (code == ErrorCode::kTopicAuthorizationFailed)
    return {code, fmt::format("Not authorized to access topics: [{}]", topic)};
  if (code == ErrorCode::kInvalidTopicException)
    return {code, fmt::format("Invalid topics: [{}]", topic)};
  if (code == ErrorCode::kUnknownTopicOrPartition)
    return {code, fmt::format("topic {} does not exist", topic)};
  return {code, fmt::format("topic {}: {}", topic, error_name(code))};
}

}  // namespace

Consumer::Consumer(Environment environment, ConsumerConfig config)
    : config_(std::move(config)),
      pool_(environment, config_.connection, [this] { wake_.set(); }),
      metadata_(pool_, config_.connection, config_.may_create_topics, *this),
      next_(partitions_.end()),
      wake_(environment.executor) {
  if (rt::is_planted(environment.plants, &rt::Plants::client_skips_crc))
    config_.checks_crcs = false;
}

Consumer::~Consumer() = default;

rt::Task<Result<int32_t>> Consumer::partitions_of(std::string topic, rt::WaitLimits limits) {
  const std::vector<std::string> names{topic};
  Error last{ErrorCode::kUnknownTopicOrPartition,
             fmt::format("topic {} is not known to the cluster", topic)};
  while (true) {
    auto response = co_await pool_.metadata(&names, config_.may_create_topics, limits);
    if (!response) last = response.error();
    if (response && response->topics.size() == 1) {
      const auto& found = response->topics.front();
      const auto code = static_cast<ErrorCode>(found.error_code);
      if (code == ErrorCode::kNone && !found.partitions.empty())
        co_return static_cast<int32_t>(found.partitions.size());
      if (code != ErrorCode::kNone) last = topic_error(code, topic);
      if (!error_is_retriable(code) && code != ErrorCode::kNone) co_return fail(last);
    }
    const rt::Instant again = now() + config_.connection.retry_backoff;
    if (again >= limits.deadline) co_return fail(last);
    co_await rt::pause(pool_.environment().executor, {again, limits.cancel});
    if (limits.cancel != nullptr && limits.cancel->is_cancelled()) co_return fail(last);
  }
}

void Consumer::assign(std::vector<TopicPartition> partitions) {
  partitions_.clear();
  for (TopicPartition& name : partitions) {
    Partition& partition = partitions_[std::move(name)];
    partition.wanted_time =
        config_.offset_reset == OffsetReset::kEarliest ? kEarliestOffset : kLatestOffset;
  }
  next_ = partitions_.begin();
  metadata_.want_new_topic();
}

void Consumer::seek(const TopicPartition& name, Offset offset) {
  const auto at = partitions_.find(name);
  SEMEL_ASSERT(at != partitions_.end(), "a partition is assigned before it is sought");
  at->second.position = offset;
  at->second.fetch = 0;
  at->second.fetched = {};
}

void Consumer::seek_to_time(const TopicPartition& name, int64_t time) {
  seek(name, kNoOffset);
  partitions_.find(name)->second.wanted_time = time;
}

Offset Consumer::position(const TopicPartition& name) const {
  const auto at = partitions_.find(name);
  return at == partitions_.end() ? kNoOffset : at->second.position;
}

rt::Task<Result<Offset>> Consumer::offset_at(TopicPartition name, int64_t time,
                                             rt::WaitLimits limits) {
  Error last{ErrorCode::kRequestTimedOut, "no answer in time"};
  while (now() < limits.deadline && (limits.cancel == nullptr || !limits.cancel->is_cancelled())) {
    wake_.reset();
    gen::ListOffsetsRequest request;
    request.replica_id = -1;
    request.isolation_level = config_.is_read_committed ? 1 : 0;
    auto& topic = request.topics.append();
    topic.name = name.topic;
    auto& wanted = topic.partitions.append();
    wanted.partition_index = name.partition.value;
    wanted.timestamp = time;
    const auto at = partitions_.find(name);
    const ConnectionPtr connection =
        at == partitions_.end() ? nullptr : pool_.find(at->second.leader);
    const bool has_leader = at != partitions_.end() && at->second.leader >= 0;
    if (connection != nullptr) {
      rt::WaitLimits call_limits{std::min(limits.deadline, pool_.request_limits().deadline),
                                 limits.cancel};
      auto response =
          co_await peer::call_typed<gen::ListOffsetsResponse>(*connection, request, call_limits);
      if (!response) last = response.error();
      if (response && response->topics.size() == 1 &&
          response->topics.front().partitions.size() == 1) {
        const auto& answer = response->topics.front().partitions.front();
        const auto code = static_cast<ErrorCode>(answer.error_code);
        if (code == ErrorCode::kNone && answer.offset < 0 && time != kLatestOffset) {
          time = kLatestOffset;  // nothing is as young: the end
          continue;
        }
        if (code == ErrorCode::kNone && answer.offset >= 0) co_return Offset{answer.offset};
        last = code == ErrorCode::kNone
                   ? Error{ErrorCode::kUnknownServerError,
                           fmt::format("the broker tells no end of {}", name.to_text())}
                   : topic_error(code, name.topic);
        if (code != ErrorCode::kNone && stays(code)) co_return fail(last);
      }
    }
    if (connection != nullptr || !has_leader) metadata_.want();
    start_fetches();
    // A connection that is being opened is used as soon as it is there; a refusal is given time.
    const rt::Instant again = std::min(now() + config_.connection.retry_backoff, limits.deadline);
    if (connection == nullptr) {
      co_await wake_.wait({again, limits.cancel});
    } else {
      co_await rt::pause(pool_.environment().executor, {again, limits.cancel});
    }
  }
  co_return fail(last);
}

rt::Task<void> Consumer::resolve(TopicPartition name, rt::Gate::Entry entry) {
  const rt::CancelToken token = cancel_.token();
  const auto before = partitions_.find(name);
  const int64_t time = before->second.wanted_time;
  auto offset =
      co_await offset_at(name, time, {now() + config_.connection.request_timeout, &token});
  const auto at = partitions_.find(name);
  wake_.set();
  if (at == partitions_.end()) co_return;
  at->second.is_resolving = false;
  const bool is_wanted = at->second.position == kNoOffset && at->second.wanted_time == time;
  if (offset && is_wanted) at->second.position = *offset;
  if (!offset && stays(offset.error().code)) failure_ = offset.error();
}

std::vector<std::string> Consumer::metadata_topics() const {
  std::vector<std::string> names;
  for (const auto& [name, partition] : partitions_)
    if (names.empty() || names.back() != name.topic) names.push_back(name.topic);
  return names;
}

bool Consumer::take_metadata(const gen::MetadataResponse& response) {
  for (const auto& topic : response.topics) {
    const auto code = static_cast<ErrorCode>(topic.error_code);
    if (code == ErrorCode::kTopicAuthorizationFailed || code == ErrorCode::kInvalidTopicException)
      failure_ = topic_error(code, topic.name.value_or(""));
    for (const auto& told : topic.partitions) {
      const auto at =
          partitions_.find({topic.name.value_or(""), PartitionIndex{told.partition_index}});
      if (at != partitions_.end())
        at->second.leader = pool_.knows(told.leader_id) ? told.leader_id : -1;
    }
  }
  return std::ranges::all_of(partitions_, [](const auto& one) { return one.second.leader >= 0; });
}

void Consumer::start_fetches() {
  const rt::Instant time = now();
  metadata_.start_if_due(time);
  std::set<int32_t> wanted;
  for (auto& [name, partition] : partitions_) {
    if (partition.leader < 0) continue;
    if (partition.position == kNoOffset && !partition.is_resolving) {
      partition.is_resolving = true;
      rt::spawn(resolve(name, gate_.enter()));
    }
    if (partition.position != kNoOffset && partition.fetched.is_empty())
      wanted.insert(partition.leader);
  }
  for (const int32_t broker : wanted) {
    Answered& state = brokers_[broker];
    if (state.is_fetching || time < state.again) continue;
    if (pool_.find(broker) == nullptr) continue;
    state.is_fetching = true;
    rt::spawn(fetch(broker, gate_.enter()));
  }
}

gen::FetchRequest Consumer::make_request(int32_t broker, uint64_t fetch) {
  gen::FetchRequest request;
  request.max_wait_ms = static_cast<int32_t>(config_.fetch_max_wait.count());
  request.min_bytes = config_.fetch_min_bytes;
  request.max_bytes = config_.fetch_max_bytes;
  request.isolation_level = config_.is_read_committed ? 1 : 0;
  for (auto& [name, partition] : partitions_) {
    if (partition.leader != broker || partition.position == kNoOffset ||
        !partition.fetched.is_empty())
      continue;
    const bool is_same_topic = !request.topics.empty() && request.topics.back().topic == name.topic;
    auto& topic = is_same_topic ? request.topics.back() : request.topics.append();
    topic.topic = name.topic;
    auto& wanted = topic.partitions.append();
    wanted.partition = name.partition.value;
    partition.fetch = fetch;
    wanted.fetch_offset = partition.position.value;
    wanted.partition_max_bytes = config_.partition_fetch_bytes;
  }
  return request;
}

rt::Task<void> Consumer::fetch(int32_t broker, rt::Gate::Entry entry) {
  constexpr int16_t kKey = gen::FetchRequest::kApiKey;
  const rt::CancelToken token = cancel_.token();
  const ConnectionPtr connection = pool_.find(broker);
  const int16_t version = std::min(connection->versions(kKey).max, kFetchVersionMax);
  if (version < connection->versions(kKey).min || version < gen::FetchRequest::kMinVersion) {
    failure_ = {ErrorCode::kUnsupportedVersion,
                "the broker serves no version of Fetch that this client knows"};
    brokers_[broker].is_fetching = false;
    wake_.set();
    co_return;
  }
  bytes::Writer writer;
  const uint64_t number = ++last_fetch_;
  const auto encoded = make_request(broker, number).encode(writer, version);
  SEMEL_ASSERT(encoded.has_value(), "every field that is set can be told since version 4");
  rt::WaitLimits limits = pool_.request_limits();
  limits.deadline = limits.deadline + config_.fetch_max_wait;
  limits.cancel = &token;
  auto body = co_await connection->call(kKey, version, writer.take(), limits);
  Answered& state = brokers_[broker];
  state.is_fetching = false;
  wake_.set();
  if (token.is_cancelled()) co_return;
  bool is_readable = body.has_value();
  if (body) {
    bytes::Reader reader(*body);
    gen::FetchResponse response;
    is_readable = response.decode(reader, version).has_value();
    if (is_readable) take_answer(response, number);
    if (is_readable && response.error_code != 0)
      state.again = now() + config_.connection.retry_backoff;
  }
  if (is_readable) co_return;
  connection->close();
  metadata_.want();
  state.again = now() + config_.connection.retry_backoff;
}

void Consumer::take_error(const TopicPartition& name, Partition& partition, ErrorCode code) {
  if (code == ErrorCode::kOffsetOutOfRange && config_.offset_reset != OffsetReset::kNone) {
    log_info("client", "{} has no offset {}; it goes on at auto.offset.reset", name.to_text(),
             partition.position.value);
    partition.wanted_time =
        config_.offset_reset == OffsetReset::kEarliest ? kEarliestOffset : kLatestOffset;
    partition.position = kNoOffset;
  } else if (code == ErrorCode::kOffsetOutOfRange) {
    failure_ = {code, fmt::format("{} has no offset {}, and auto.offset.reset is none",
                                  name.to_text(), partition.position.value)};
  } else if (code == ErrorCode::kCorruptMessage) {
    failure_ = {code, fmt::format("Encountered corrupt message when fetching offset {} for "
                                  "topic-partition {}",
                                  partition.position.value, name.to_text())};
  } else if (error_is_retriable(code)) {
    metadata_.want();
    brokers_[partition.leader].again = now() + config_.connection.retry_backoff;
  } else {
    failure_ = topic_error(code, name.topic);
  }
}

void Consumer::take_answer(const gen::FetchResponse& response, uint64_t fetch) {
  if (response.error_code != 0) metadata_.want();
  for (const auto& topic : response.responses) {
    for (const auto& data : topic.partitions) {
      const TopicPartition name{topic.topic, PartitionIndex{data.partition_index}};
      const auto at = partitions_.find(name);
      if (at == partitions_.end() || at->second.position == kNoOffset) continue;
      // It was sought while the answer was on its way, or another leader was asked meanwhile.
      const bool is_stale = at->second.fetch != fetch;
      const bool takes_stale =
          rt::is_planted(pool_.environment().plants, &rt::Plants::client_takes_stale_answer);
      if (is_stale && !takes_stale) continue;
      const auto code = static_cast<ErrorCode>(data.error_code);
      if (code != ErrorCode::kNone) {
        take_error(name, at->second, code);
        continue;
      }
      std::vector<AbortedTransaction> aborted;
      for (const auto& one : data.aborted_transactions)
        aborted.push_back({ProducerId{one.producer_id}, Offset{one.first_offset}});
      at->second.fetched = FetchedBatches(data.records.buffer(), std::move(aborted));
    }
  }
}

Result<size_t> Consumer::read_fetched(size_t count, RecordVisitor& visit) {
  size_t left = count;
  bool is_enough = false;
  RecordVisitor watching = [&](const ConsumedRecord& record) {
    is_enough = !visit(record);
    return !is_enough;
  };
  for (size_t i = 0; i < partitions_.size() && left > 0 && !is_enough; ++i) {
    if (next_ == partitions_.end()) next_ = partitions_.begin();
    const TopicPartition& name = next_->first;
    Partition& partition = next_->second;
    if (!partition.fetched.is_empty())
      SEMEL_CHECK(partition.fetched.read(
          {name.topic, name.partition.value, config_.checks_crcs, config_.is_read_committed},
          partition.position, left, watching));
    ++next_;
  }
  return count - left;
}

rt::Instant Consumer::next_wake() const {
  rt::Instant wake = std::min(pool_.retry_at(), metadata_.next_wake());
  for (const auto& [broker, state] : brokers_)
    if (!state.is_fetching && state.again > now()) wake = std::min(wake, state.again);
  return wake;
}

rt::Task<Result<size_t>> Consumer::poll(rt::WaitLimits limits, RecordVisitor visit) {
  while (true) {
    wake_.reset();
    if (failure_) {
      const Error error = *std::exchange(failure_, std::nullopt);
      co_return fail(error);
    }
    const auto count = read_fetched(static_cast<size_t>(config_.poll_records_max), visit);
    if (!count || *count > 0) co_return count;
    start_fetches();
    if (now() >= limits.deadline || (limits.cancel != nullptr && limits.cancel->is_cancelled()))
      co_return size_t{0};
    const rt::Instant until = std::min(limits.deadline, next_wake());
    co_await wake_.wait({until, limits.cancel});
  }
}

rt::Task<void> Consumer::close() {
  cancel_.cancel();
  pool_.close();
  co_await gate_.close(pool_.environment().executor);
  co_await pool_.join();
}

}  // namespace semel::client
