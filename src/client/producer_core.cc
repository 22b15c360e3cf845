#include "client/producer_core.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "base/log.h"
#include "client/murmur2.h"

namespace semel::client {
namespace {

constexpr int32_t kRememberedBatches = 5;  // per producer and partition, by every broker
constexpr int16_t kLastEpoch = 32'767;

/// True if the broker says so before it appends anything, so that this attempt stored nothing.
bool is_definite_refusal(ErrorCode code) {
  switch (code) {
    case ErrorCode::kCorruptMessage:
    case ErrorCode::kUnknownTopicOrPartition:
    case ErrorCode::kLeaderNotAvailable:
    case ErrorCode::kMessageTooLarge:
    case ErrorCode::kInvalidTopicException:
    case ErrorCode::kRecordListTooLarge:
    case ErrorCode::kNotEnoughReplicas:
    case ErrorCode::kInvalidRequiredAcks:
    case ErrorCode::kTopicAuthorizationFailed:
    case ErrorCode::kClusterAuthorizationFailed:
    case ErrorCode::kInvalidTimestamp:
    case ErrorCode::kUnsupportedVersion:
    case ErrorCode::kInvalidRequest:
    case ErrorCode::kUnsupportedForMessageFormat:
    case ErrorCode::kPolicyViolation:
    case ErrorCode::kOutOfOrderSequenceNumber:
    case ErrorCode::kInvalidProducerEpoch:
    case ErrorCode::kInvalidTxnState:
    case ErrorCode::kUnknownProducerId:
    case ErrorCode::kFencedLeaderEpoch:
    case ErrorCode::kUnknownLeaderEpoch:
    case ErrorCode::kUnsupportedCompressionType:
    case ErrorCode::kInvalidRecord:
    case ErrorCode::kThrottlingQuotaExceeded:
    case ErrorCode::kUnknownTopicId:
      return true;
    default:
      return false;
  }
}

/// The codes by which a broker says that a sequence does not follow what it has.
bool is_sequence_refusal(ErrorCode code) {
  return code == ErrorCode::kOutOfOrderSequenceNumber || code == ErrorCode::kInvalidProducerEpoch ||
         code == ErrorCode::kUnknownProducerId;
}

/// `a` lies behind `b` on the circle of sequences.
bool is_after(Sequence a, Sequence b) {
  const int64_t distance = (static_cast<int64_t>(a.value) - b.value) & 0x7fffffff;
  return distance > 0 && distance < 0x40000000;
}

bool is_metadata_stale(ErrorCode code) {
  return code == ErrorCode::kUnknownTopicOrPartition || code == ErrorCode::kLeaderNotAvailable ||
         code == ErrorCode::kNotLeaderOrFollower || code == ErrorCode::kReplicaNotAvailable ||
         code == ErrorCode::kFencedLeaderEpoch || code == ErrorCode::kUnknownLeaderEpoch ||
         code == ErrorCode::kUnknownTopicId || code == ErrorCode::kKafkaStorageError ||
         code == ErrorCode::kNetworkException;
}

}  // namespace

ProducerCore::ProducerCore(const ProducerConfig& config, rt::Random& random,
                           DeliveryListener& listener, const rt::Plants* plants)
    : config_(config), random_(random), listener_(listener), plants_(plants) {}

ProducerCore::~ProducerCore() = default;

void ProducerCore::set_state(Partition& partition, State next, const char* why) {
  if (partition.state == next) return;
  static constexpr const char* kNames[] = {"running", "recovering", "waiting for a producer id"};
  log_debug("client", "{}-{}: {} -> {}: {}", partition.topic, partition.index,
            kNames[static_cast<size_t>(partition.state)], kNames[static_cast<size_t>(next)], why);
  partition.state = next;
}

void ProducerCore::set_topic(const std::string& name, const std::vector<int32_t>& leaders) {
  Topic& topic = topics_[name];
  topic.count = static_cast<int32_t>(leaders.size());
  while (topic.partitions.size() < leaders.size()) {
    auto partition = std::make_unique<Partition>();
    partition->topic = name;
    partition->index = static_cast<int32_t>(topic.partitions.size());
    partition->slot.number = ++last_partition_;
    topic.partitions.push_back(std::move(partition));
  }
  for (size_t i = 0; i < topic.partitions.size(); ++i) {
    const int32_t leader = i < leaders.size() ? leaders[i] : -1;
    if (std::exchange(topic.partitions[i]->leader, leader) != leader)
      schedule(*topic.partitions[i]);
  }
}

int32_t ProducerCore::partition_count(std::string_view topic) const {
  const auto at = topics_.find(topic);
  return at == topics_.end() ? 0 : at->second.count;
}

bool ProducerCore::take_metadata_request() { return std::exchange(needs_metadata_, false); }

record::BatchOptions ProducerCore::batch_options() const {
  record::BatchOptions options;
  options.codec = config_.codec;
  options.level = config_.codec_level;
  return options;
}

int32_t ProducerCore::draw_partition(const Topic& topic) {
  std::vector<std::pair<int32_t, uint64_t>> choices;  // partition, batches that wait for it
  for (int32_t i = 0; i < topic.count; ++i) {
    const Partition& partition = *topic.partitions[static_cast<size_t>(i)];
    if (partition.leader >= 0) choices.emplace_back(i, partition.queue.size());
  }
  if (choices.empty())
    return static_cast<int32_t>(random_.below(static_cast<uint64_t>(topic.count)));
  uint64_t longest = 0;
  for (const auto& [index, waiting] : choices) longest = std::max(longest, waiting);
  uint64_t total = 0;
  for (auto& [index, weight] : choices) total += weight = longest + 1 - weight;
  uint64_t drawn = random_.below(total);
  for (const auto& [index, weight] : choices) {
    if (drawn < weight) return index;
    drawn -= weight;
  }
  return choices.back().first;
}

int32_t ProducerCore::choose_partition(Topic& topic, const ProducerRecord& record) {
  if (record.partition) return *record.partition;
  if (config_.partitioner == Partitioner::kRoundRobin)
    return topic.sticky = (topic.sticky + 1) % topic.count;
  if (record.key && !config_.ignores_keys) return partition_of_key(*record.key, topic.count);
  const bool is_stuck = topic.sticky >= 0 && topic.sticky < topic.count &&
                        topic.partitions[static_cast<size_t>(topic.sticky)]->leader < 0;
  if (topic.sticky < 0 || topic.sticky >= topic.count || topic.sticky_bytes >= config_.batch_size ||
      is_stuck) {
    topic.sticky = draw_partition(topic);
    topic.sticky_bytes = 0;
  }
  return topic.sticky;
}

Result<ProducerCore::Append> ProducerCore::append(const ProducerRecord& record, uint64_t tag,
                                                  rt::Instant now, int64_t unix_ms) {
  const auto at = topics_.find(record.topic);
  if (at == topics_.end() || at->second.count == 0) return Append::kUnknownTopic;
  Topic& topic = at->second;
  record::RecordInput input{record.timestamp.value_or(unix_ms), record.key, record.value,
                            record.headers};
  if (input.timestamp < 0)
    return fail(
        ErrorCode::kInvalidRequest,
        fmt::format("Invalid timestamp: {}. Timestamp should always be non-negative or null.",
                    input.timestamp));
  const size_t size = record::kBatchHeaderSize + record::BatchBuilder::size_bound(input);
  if (size > config_.max_request_size)
    return fail(ErrorCode::kMessageTooLarge,
                fmt::format("The message is {} bytes when serialized which is larger than {}, "
                            "which is the value of "
                            "the max.request.size configuration.",
                            size, config_.max_request_size));
  if (size > config_.buffer_memory)
    return fail(ErrorCode::kMessageTooLarge,
                fmt::format("The message is {} bytes when serialized which is larger than the "
                            "total memory buffer you "
                            "have configured with the buffer.memory configuration.",
                            size));
  if (record.partition && (*record.partition < 0 || *record.partition >= topic.count))
    return Append::kUnknownTopic;
  if (memory_used_ + size > config_.buffer_memory) return Append::kNoRoom;
  const int32_t index = choose_partition(topic, record);
  return append_to(topic, *topic.partitions[static_cast<size_t>(index)], input, tag, now);
}

void ProducerCore::watch(Partition& partition, ProducerBatch& batch) {
  unreported_.emplace_hint(unreported_.end(), batch.number, Unreported{&partition, &batch});
}

void ProducerCore::unwatch(const ProducerBatch& batch) {
  const auto [first, last] = unreported_.equal_range(batch.number);
  const auto at =
      std::find_if(first, last, [&](const auto& entry) { return entry.second.batch == &batch; });
  SEMEL_ASSERT(at != last, "a batch is reported once");
  unreported_.erase(at);
}

ProducerBatch& ProducerCore::open_batch(Partition& partition, rt::Instant now) {
  auto batch = std::make_unique<ProducerBatch>();
  batch->number = ++last_number_;
  batch->created = now;
  batch->memory = record::kBatchHeaderSize;
  batch->builder.start(batch_options());
  memory_used_ += batch->memory;
  ++batches_;
  watch(partition, *batch);
  partition.queue.push_back(std::move(batch));
  return *partition.queue.back();
}

Result<ProducerCore::Append> ProducerCore::append_to(Topic& topic, Partition& partition,
                                                     const record::RecordInput& input, uint64_t tag,
                                                     rt::Instant now) {
  const size_t size = record::BatchBuilder::size_bound(input);
  ProducerBatch* open = partition.queue.empty() ? nullptr : partition.queue.back().get();
  bool is_news = false;  // to the schedule, which records that join an open batch do not change
  if (open != nullptr && !open->is_sealed && open->builder.size() + size > config_.batch_size) {
    SEMEL_CHECK(seal(*open, compressor_));
    open = nullptr;
  }
  if (open == nullptr || open->is_sealed) {
    open = &open_batch(partition, now);
    is_news = true;
  }
  open->builder.append(input);
  open->records.push_back({tag, input.timestamp});
  open->memory += size;
  memory_used_ += size;
  topic.sticky_bytes += size;
  if (is_news || open->builder.size() >= config_.batch_size) schedule(partition);
  return Append::kAccepted;
}

void ProducerCore::begin_flush() {
  if (++flushes_ == 1) schedule_waiting();
}

void ProducerCore::set_memory_pressure(bool is_on) {
  if (!std::exchange(is_under_pressure_, is_on) && is_on) schedule_waiting();
}

void ProducerCore::set_identity(Identity identity) {
  identity_ = identity;
  needs_identity_ = false;
  for_each([&](Partition& partition) {
    if (partition.state == State::kWaiting) renumber(partition);
    schedule(partition);
  });
}

size_t ProducerCore::in_flight_allowed(const Partition& partition) const {
  if (partition.state == State::kRecovering) return 1;
  const auto highest = static_cast<size_t>(config_.in_flight_max);
  if (!config_.is_idempotent) return highest;
  return std::min<size_t>(highest, partition.is_established ? kRememberedBatches : 1);
}

/// When the partition has something to send, if nothing but time passes until then. Nothing if it
/// has no batch, or waits for an answer or for an identity.
std::optional<rt::Instant> ProducerCore::due(const Partition& partition) const {
  ++looked_at_;
  const auto first =
      std::find_if(partition.queue.begin(), partition.queue.end(),
                   [](const auto& batch) { return batch->state == ProducerBatch::State::kQueued; });
  if (first == partition.queue.end()) return std::nullopt;
  const ProducerBatch& batch = **first;
  const bool is_full = batch.is_sealed || batch.builder.size() >= config_.batch_size;
  const bool is_urgent = batch.attempts > 0 || is_full || flushes_ > 0 || is_under_pressure_;
  const rt::Instant ripe = is_urgent ? batch.created : batch.created + config_.linger;
  if (partition.leader < 0) return ripe;
  const bool is_elsewhere =
      !partition.in_flight.empty() && partition.in_flight_broker != partition.leader;
  const bool has_identity =
      !config_.is_idempotent || identity_.is_known() || partition.identity.is_known();
  if (is_elsewhere || !has_identity || partition.state == State::kWaiting ||
      partition.in_flight.size() >= in_flight_allowed(partition))
    return std::nullopt;
  return std::max(partition.retry_at, ripe);
}

/// After whatever may have changed due(). An entry may be earlier than due() says, since nobody is
/// moved when a flush ends: next_batch() has the last word.
void ProducerCore::schedule(Partition& partition) {
  const auto when = due(partition);
  if (when) {
    ready_.place(partition, std::max(partition.leader, -1), *when);
  } else {
    ready_.remove(partition);
  }
}

void ProducerCore::schedule_waiting() {
  for (Partition* partition : ready_.members()) schedule(*partition);
}

ProducerBatch* ProducerCore::next_batch(const Partition& partition, rt::Instant now) const {
  const auto when = due(partition);
  if (!when || *when > now) return nullptr;
  // While recovering: the oldest that the broker has not just refused.
  ProducerBatch* oldest = nullptr;
  for (const auto& batch : partition.queue) {
    if (batch->state != ProducerBatch::State::kQueued) continue;
    if (oldest == nullptr) oldest = batch.get();
    if (!batch->was_out_of_order)
      return batch->is_sequenced || batch.get() == oldest ? batch.get() : oldest;
  }
  return oldest;
}

void ProducerCore::give_sequence(Partition& partition, ProducerBatch& batch) {
  if (!config_.is_idempotent || batch.is_sequenced) return;
  const bool has_outstanding = !partition.queue.empty() && partition.queue.front()->is_sequenced;
  if (!has_outstanding && identity_.is_known() && partition.identity != identity_) {
    partition.identity = identity_;
    partition.next_sequence = Sequence{0};
    partition.is_established = false;
  }
  SEMEL_ASSERT(partition.identity.is_known(), "nothing is due without an identity");
  stamp_identity(batch, partition.identity, partition.next_sequence);
  partition.next_sequence = batch.next_sequence();
}

std::vector<int32_t> ProducerCore::ready_brokers(rt::Instant now) {
  std::vector<int32_t> brokers = ready_.due_lanes(now);
  const bool lacks_leader = !brokers.empty() && brokers.front() < 0;
  if (!lacks_leader) return brokers;
  needs_metadata_ = true;
  brokers.erase(brokers.begin());
  return brokers;
}

std::vector<DrainedBatch> ProducerCore::drain(int32_t broker, rt::Instant now) {
  std::vector<Partition*> visited;
  std::vector<DrainedBatch> drained;
  size_t size = 0;
  ready_.visit_due(broker, now, [&](Partition& partition) {
    visited.push_back(&partition);
    ProducerBatch* batch = next_batch(partition, now);
    if (batch == nullptr) return true;
    if (!batch->is_sealed) {
      const auto sealed = seal(*batch, compressor_);
      SEMEL_ASSERT(sealed.has_value(), "the level was checked with the settings");
    }
    if (!drained.empty() && size + batch->bytes.size() > config_.max_request_size) return false;
    give_sequence(partition, *batch);
    size += batch->bytes.size();
    batch->state = ProducerBatch::State::kInFlight;
    const uint64_t serial = ++last_serial_;
    partition.in_flight.emplace(serial, batch);
    partition.in_flight_broker = broker;
    drained.push_back(
        {{partition.topic, partition.index, batch->identity, batch->base_sequence, serial},
         batch->bytes});
    return true;
  });
  for (Partition* partition : visited) schedule(*partition);
  std::ranges::sort(drained, [](const DrainedBatch& a, const DrainedBatch& b) {
    return std::tie(a.ref.topic, a.ref.partition) < std::tie(b.ref.topic, b.ref.partition);
  });
  return drained;
}

ProducerCore::Partition* ProducerCore::find(const BatchRef& ref) {
  const auto at = topics_.find(ref.topic);
  return at == topics_.end() ? nullptr
                             : at->second.partitions[static_cast<size_t>(ref.partition)].get();
}

ProducerBatch* ProducerCore::take_in_flight(Partition* partition, const BatchRef& ref) {
  if (partition == nullptr) return nullptr;
  auto node = partition->in_flight.extract(ref.serial);
  if (node.empty()) return nullptr;
  ProducerBatch* batch = node.mapped();
  batch->state = ProducerBatch::State::kQueued;
  ++batch->attempts;
  return batch;
}

void ProducerCore::report(const Partition& partition, ProducerBatch& batch,
                          const Delivery& outcome) {
  memory_used_ -= std::exchange(batch.memory, 0);
  unwatch(batch);
  Delivery delivery = outcome;
  delivery.topic = partition.topic;
  delivery.partition = partition.index;
  const bool has_own_times = outcome.timestamp < 0;
  for (size_t i = 0; i < batch.records.size(); ++i) {
    delivery.tag = batch.records[i].tag;
    if (has_own_times) delivery.timestamp = batch.records[i].timestamp;
    if (outcome.offset != kNoOffset) delivery.offset = outcome.offset + static_cast<int64_t>(i);
    listener_.on_delivery(delivery);
  }
}

std::unique_ptr<ProducerBatch> ProducerCore::take_out(Partition& partition,
                                                      const ProducerBatch& batch) {
  const auto at = std::find_if(partition.queue.begin(), partition.queue.end(),
                               [&](const auto& queued) { return queued.get() == &batch; });
  SEMEL_ASSERT(at != partition.queue.end());
  std::unique_ptr<ProducerBatch> owned = std::move(*at);
  partition.queue.erase(at);
  --batches_;
  return owned;
}

void ProducerCore::leave_gap(Partition& partition, const ProducerBatch& batch) {
  if (!batch.is_sequenced) return;
  if (!partition.has_gap || is_after(batch.base_sequence, partition.gap))
    partition.gap = batch.base_sequence;
  partition.has_gap = true;
  set_state(partition, State::kRecovering, "a sequence was given up");
}

void ProducerCore::on_stored(Partition& partition, ProducerBatch& batch,
                             const BatchAnswer& answer) {
  partition.failures = 0;
  partition.is_established = true;
  const bool closes_gap =
      partition.has_gap && batch.is_sequenced && is_after(batch.base_sequence, partition.gap);
  if (closes_gap) partition.has_gap = false;
  // What was refused while this one was missing may follow now.
  for (const auto& later : partition.queue) later->was_out_of_order = false;
  const std::unique_ptr<ProducerBatch> owned = take_out(partition, batch);
  if (owned->is_given_up) return;
  Delivery delivery;
  delivery.offset = answer.code == ErrorCode::kNone ? answer.base_offset : kNoOffset;
  delivery.timestamp = answer.log_append_time;
  report(partition, *owned, delivery);
}

void ProducerCore::give_up(Partition& partition, ProducerBatch& batch, Error why) {
  Delivery delivery;
  const bool is_in_flight = batch.state == ProducerBatch::State::kInFlight;
  delivery.fate = batch.is_maybe_stored || is_in_flight ? Fate::kMaybeStored : Fate::kNotStored;
  delivery.error = std::move(why);
  if (is_in_flight) {
    // Its answer is still to come, and tells whether there is a gap.
    batch.is_given_up = true;
    set_state(partition, State::kRecovering, "a batch on its way was given up");
    report(partition, batch, delivery);
    return;
  }
  leave_gap(partition, batch);
  const std::unique_ptr<ProducerBatch> owned = take_out(partition, batch);
  report(partition, *owned, delivery);
}

void ProducerCore::retry(Partition& partition, ProducerBatch& batch, const Error& why,
                         rt::Instant now) {
  needs_metadata_ = needs_metadata_ || is_metadata_stale(why.code);
  if (batch.is_given_up) {
    leave_gap(partition, batch);
    take_out(partition, batch);
    return;
  }
  if (batch.attempts > config_.retries) return give_up(partition, batch, why);
  const int64_t base = config_.connection.retry_backoff.count();
  const int64_t highest = config_.connection.retry_backoff_max.count();
  const int64_t wait = std::min(highest, base << std::min(partition.failures, 10));
  const auto jitter =
      static_cast<int64_t>(random_.below(static_cast<uint64_t>(wait * 2 / 5 + 1))) - wait / 5;
  ++partition.failures;
  partition.retry_at = now + Milliseconds{wait + jitter};
  set_state(partition, State::kRecovering, "a batch must be sent again");
  log_debug("client", "{}-{}: sequence {} again in {} ms: {} ({})", partition.topic,
            partition.index, batch.base_sequence.value, wait + jitter, error_name(why.code),
            why.context);
}

void ProducerCore::split_batch(Partition& partition, ProducerBatch& batch, rt::Instant now) {
  auto parts = split(batch, {batch_options(), scratch_, compressor_});
  if (!parts) return give_up(partition, batch, parts.error());
  const auto at = std::find_if(partition.queue.begin(), partition.queue.end(),
                               [&](const auto& queued) { return queued.get() == &batch; });
  memory_used_ -= batch.memory;
  memory_used_ += parts->first->memory + parts->second->memory;
  unwatch(batch);
  watch(partition, *parts->first);
  watch(partition, *parts->second);
  *at = std::move(parts->second);
  partition.queue.insert(at, std::move(parts->first));
  ++batches_;
  partition.retry_at = now;
  set_state(partition, State::kRecovering, "a batch was split");
}

void ProducerCore::on_answer(const BatchRef& ref, const BatchAnswer& answer, rt::Instant now) {
  Partition* partition = find(ref);
  ProducerBatch* batch = take_in_flight(partition, ref);
  if (batch == nullptr) return;
  const Error why{answer.code,
                  answer.message.empty() ? std::string(error_name(answer.code)) : answer.message};
  if (!is_definite_refusal(answer.code)) batch->is_maybe_stored = true;
  if (answer.code == ErrorCode::kNone || answer.code == ErrorCode::kDuplicateSequenceNumber) {
    on_stored(*partition, *batch, answer);
  } else if (config_.is_idempotent && is_sequence_refusal(answer.code)) {
    batch->was_out_of_order = true;
    retry(*partition, *batch, why, now);
  } else if (answer.code == ErrorCode::kMessageTooLarge && batch->count() > 1 &&
             !batch->is_given_up) {
    split_batch(*partition, *batch, now);
  } else if (error_is_retriable(answer.code) || batch->is_given_up) {
    retry(*partition, *batch, why, now);
  } else {
    give_up(*partition, *batch, why);
  }
  settle(*partition);
  schedule(*partition);
}

void ProducerCore::on_lost(const BatchRef& ref, const Error& why, bool was_sent, rt::Instant now) {
  Partition* partition = find(ref);
  ProducerBatch* batch = take_in_flight(partition, ref);
  if (batch == nullptr) return;
  batch->is_maybe_stored = batch->is_maybe_stored || was_sent;
  needs_metadata_ = true;
  if (rt::is_planted(plants_, &rt::Plants::client_renumbers))
    batch->is_sequenced = batch->is_maybe_stored = false;
  // At most once: what may have arrived is not sent again.
  const bool may_repeat = rt::is_planted(plants_, &rt::Plants::client_repeats);
  if (config_.acks == 0 && was_sent && !may_repeat && !batch->is_given_up)
    give_up(*partition, *batch, why);
  else
    retry(*partition, *batch, why, now);
  settle(*partition);
  schedule(*partition);
}

void ProducerCore::on_written(const BatchRef& ref, rt::Instant) {
  Partition* partition = find(ref);
  ProducerBatch* batch = take_in_flight(partition, ref);
  if (batch == nullptr) return;
  on_stored(*partition, *batch, {});
  settle(*partition);
  schedule(*partition);
}

bool ProducerCore::take_next_epoch(Partition& partition) {
  const bool is_moved_on = identity_.is_known() && (identity_.id != partition.identity.id ||
                                                    identity_.epoch > partition.identity.epoch);
  if (is_moved_on) return true;
  if (!identity_.is_known() || identity_.epoch.value == kLastEpoch) {
    identity_ = {};
    needs_identity_ = true;
    return false;
  }
  identity_.epoch = ProducerEpoch{static_cast<int16_t>(identity_.epoch.value + 1)};
  log_info("client", "producer {} goes on with epoch {} because of {}-{}", identity_.id.value,
           identity_.epoch.value, partition.topic, partition.index);
  return true;
}

void ProducerCore::renumber(Partition& partition) {
  for (const auto& batch : partition.queue) {
    batch->is_sequenced = false;
    batch->was_out_of_order = false;
  }
  partition.identity = identity_;
  partition.next_sequence = Sequence{0};
  partition.is_established = false;
  partition.has_gap = false;
  set_state(partition, State::kRunning, "a new epoch begins");
}

void ProducerCore::settle(Partition& partition) {
  if (partition.state != State::kRecovering || !partition.in_flight.empty()) return;
  if (!config_.is_idempotent) {
    const bool is_clean = partition.queue.empty() || partition.queue.front()->attempts == 0;
    if (is_clean) set_state(partition, State::kRunning, "nothing is left to be sent again");
    return;
  }
  const auto is_refused = [](const auto& batch) {
    return !batch->is_sequenced || batch->was_out_of_order;
  };
  if (!std::all_of(partition.queue.begin(), partition.queue.end(), is_refused)) return;
  // The broker has just refused whatever is left. What an earlier attempt may have stored is never
  // sent under another sequence: nothing can tell any more where it is.
  const auto is_lost = [](const auto& batch) {
    return batch->is_sequenced && batch->is_maybe_stored;
  };
  while (true) {
    const auto lost = std::find_if(partition.queue.begin(), partition.queue.end(), is_lost);
    if (lost == partition.queue.end()) break;
    give_up(partition, **lost,
            {ErrorCode::kOutOfOrderSequenceNumber,
             "the broker refuses the sequence of a batch that an earlier attempt may have stored"});
  }
  const bool has_outstanding = !partition.queue.empty() && partition.queue.front()->is_sequenced;
  if (!has_outstanding && !partition.has_gap)
    return set_state(partition, State::kRunning, "everything is settled");
  if (take_next_epoch(partition)) return renumber(partition);
  set_state(partition, State::kWaiting, "its epochs are used up");
}

void ProducerCore::expire(rt::Instant now) {
  std::vector<Partition*> touched;
  while (!unreported_.empty()) {
    const auto [partition, batch] = unreported_.begin()->second;
    if (now < batch->created + config_.delivery_timeout) break;
    needs_metadata_ = true;
    touched.push_back(partition);
    give_up(*partition, *batch,
            {ErrorCode::kRequestTimedOut,
             fmt::format("Expiring {} record(s) for {}-{}:{} ms has passed since batch creation",
                         batch->count(), partition->topic, partition->index,
                         (now - batch->created).count() / 1'000'000)});
  }
  for (Partition* partition : touched) {
    settle(*partition);
    schedule(*partition);
  }
}

void ProducerCore::fail_all(const Error& why) {
  for_each([&](Partition& partition) {
    while (!partition.queue.empty()) {
      const std::unique_ptr<ProducerBatch> batch = std::move(partition.queue.front());
      partition.queue.pop_front();
      --batches_;
      if (batch->is_given_up) continue;
      Delivery delivery;
      const bool is_in_flight = batch->state == ProducerBatch::State::kInFlight;
      delivery.fate =
          batch->is_maybe_stored || is_in_flight ? Fate::kMaybeStored : Fate::kNotStored;
      delivery.error = why;
      leave_gap(partition, *batch);
      report(partition, *batch, delivery);
    }
    partition.in_flight.clear();
    ready_.remove(partition);
  });
}

rt::Instant ProducerCore::next_wake(rt::Instant now) const {
  const rt::Instant wake = ready_.next_after(now);
  if (unreported_.empty()) return wake;
  return std::min(wake, unreported_.begin()->second.batch->created + config_.delivery_timeout);
}

}  // namespace semel::client
