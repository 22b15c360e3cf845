#include "producer.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "gen/api_versions.h"

namespace semel::sim {

using std::chrono::milliseconds;

/// The conversation with one broker.
struct Producer::Lane {
  int32_t broker = 0;
  std::unique_ptr<WireClient> client;
  std::map<int32_t, Sent> sent;
  rt::Instant metadata_at{0};
};

namespace {

constexpr size_t kPendingMax = 12;
constexpr size_t kAckedKept = 12;

milliseconds draw_ms(rt::sim::SimRandom& random, int64_t mean) {
  return milliseconds{static_cast<int64_t>(random.between(0, static_cast<uint64_t>(mean) * 2))};
}

}  // namespace

Producer::Producer(rt::Runtime runtime, const ClientWorld& world, uint16_t number)
    : runtime_(std::move(runtime)),
      world_(world),
      number_(number),
      random_(runtime_.random->next()),
      produce_version_(static_cast<int16_t>(random_.between(3, 13))),
      metadata_version_(static_cast<int16_t>(random_.between(10, 12))),
      identity_version_(static_cast<int16_t>(random_.between(0, 5))),
      in_flight_max_(random_.below(4) == 0 ? 1 : 5),
      is_cautious_(random_.below(2) == 0),
      parts_(static_cast<size_t>(world.workload.partitions)) {
  for (size_t i = 0; i < world_.brokers.size(); ++i) {
    lanes_.push_back(std::make_unique<Lane>());
    lanes_.back()->broker = static_cast<int32_t>(i) + 1;
  }
}

Producer::~Producer() = default;

void Producer::start() {
  for (const auto& lane : lanes_) rt::spawn(run_lane(*lane, gate_.enter()));
}

rt::Task<void> Producer::stop() {
  cancel_.cancel();
  co_await gate_.close(*runtime_.executors[0]);
}

bool Producer::is_settled() const {
  return std::all_of(parts_.begin(), parts_.end(),
                     [](const Part& part) { return part.pending.empty(); });
}

std::string Producer::describe() const {
  std::string text;
  for (size_t i = 0; i < parts_.size(); ++i) {
    const Part& part = parts_[i];
    if (part.pending.empty()) continue;
    const Batch& batch = part.pending.front();
    text += fmt::format(" partition {} (leader {}): {} batches wait, first {} sequence {}{};", i,
                        part.leader, part.pending.size(), batch.first.to_text(), batch.base.value,
                        batch.was_sent ? ", sent before" : "");
  }
  return fmt::format("producer {} (pid {}, epoch {}):{}", number_, producer_id_.value, epoch_.value,
                     text);
}

rt::Task<void> Producer::run_lane(Lane& lane, rt::Gate::Entry entry) {
  const rt::CancelToken token = cancel_.token();
  while (!token.is_cancelled()) {
    const rt::Address address = world_.brokers[static_cast<size_t>(lane.broker) - 1];
    auto client = co_await WireClient::open(runtime_, address, fmt::format("producer-{}", number_));
    if (client) {
      lane.client = std::move(*client);
      auto is_welcome = co_await greet(lane);
      if (is_welcome) co_await converse(lane);
      give_back(lane);
    }
    needs_metadata_ = true;
    const rt::Instant again = now() + draw_ms(random_, 60);
    co_await rt::pause(*runtime_.executors[0], {again, &token});
  }
}

void Producer::give_back(Lane& lane) {
  if (lane.client->is_garbled()) world_.history.complain("garbled", "an answer that is none");
  if (random_.below(3) == 0) lane.client->abort();
  lane.client.reset();
  for (const auto& [id, sent] : lane.sent) {
    if (sent.kind != Kind::kFresh) continue;
    for (const auto& [index, batch] : sent.batches) {
      Part& part = parts_[index];
      for (Batch& pending : part.pending)
        if (pending.base == batch.base && pending.epoch == batch.epoch)
          pending.state = State::kWaiting;
      part.is_recovering = true;
      world_.trace.probe("producer: connection lost with batches on the way");
    }
  }
  lane.sent.clear();
}

rt::Task<bool> Producer::greet(Lane& lane) {
  const rt::CancelToken token = cancel_.token();
  const rt::Instant deadline = now() + milliseconds{world_.workload.request_timeout_ms};
  gen::ApiVersionsRequest request;
  request.client_software_name = "semel-sim";
  request.client_software_version = "1";
  auto versions =
      co_await lane.client->call<gen::ApiVersionsResponse>(request, 3, deadline, &token);
  if (!versions || versions->error_code != 0) co_return false;
  if (producer_id_ == kNoProducerId && !is_learning_identity_) co_await learn_identity(lane);
  co_return producer_id_ != kNoProducerId;
}

rt::Task<void> Producer::learn_identity(Lane& lane) {
  const rt::CancelToken token = cancel_.token();
  is_learning_identity_ = true;
  gen::InitProducerIdRequest request;
  request.transactional_id = std::nullopt;
  request.transaction_timeout_ms = 60'000;
  const rt::Instant deadline = now() + milliseconds{world_.workload.request_timeout_ms};
  auto answer = co_await lane.client->call<gen::InitProducerIdResponse>(request, identity_version_,
                                                                        deadline, &token);
  is_learning_identity_ = false;
  if (!answer) co_return;
  const auto code = static_cast<ErrorCode>(answer->error_code);
  if (code != ErrorCode::kNone) {
    if (!error_is_retriable(code))
      world_.history.complain("unexpected refusal",
                              fmt::format("InitProducerId: {}", error_name(code)));
    co_return;
  }
  producer_id_ = ProducerId{answer->producer_id};
  epoch_ = ProducerEpoch{answer->producer_epoch};
  world_.history.took_producer_id(producer_id_, number_);
}

rt::Task<void> Producer::converse(Lane& lane) {
  const rt::CancelToken token = cancel_.token();
  while (!token.is_cancelled()) {
    make_batches();
    queue_requests(lane);
    if (!lane.client->pump()) co_return;
    bool is_sane = true;
    while (const auto response = lane.client->take()) is_sane = is_sane && handle(lane, *response);
    if (!is_sane || lane.client->is_garbled()) co_return;
    for (const auto& [id, sent] : lane.sent) {
      if (sent.deadline > now()) continue;
      world_.trace.probe("producer: request timed out");
      co_return;
    }
    co_await lane.client->wait(next_wake(lane), &token);
  }
}

rt::Instant Producer::next_wake(const Lane& lane) const {
  rt::Instant wake = now() + milliseconds{25};
  for (const auto& [id, sent] : lane.sent) wake = std::min(wake, sent.deadline);
  for (const Part& part : parts_)
    if (part.next_send > now()) wake = std::min(wake, part.next_send);
  return wake;
}

void Producer::make_batches() {
  if (is_finishing_ || producer_id_ == kNoProducerId) return;
  for (uint16_t i = 0; i < parts_.size(); ++i) {
    Part& part = parts_[i];
    if (part.next_send > now() || part.pending.size() >= kPendingMax) continue;
    make_batch(i, part);
    part.next_send = now() + draw_ms(random_, world_.workload.send_every_ms);
  }
}

void Producer::adopt_identity(Part& part) {
  const bool wants_bump = part.epoch != kNoProducerEpoch &&
                          random_.hits(static_cast<uint32_t>(world_.workload.bump_ppm));
  if (wants_bump && epoch_.value < 30'000) {
    epoch_ = ProducerEpoch{static_cast<int16_t>(epoch_.value + 1)};
    world_.trace.probe("producer: took a new epoch of its own accord");
  }
  if (part.producer_id == producer_id_ && part.epoch == epoch_) return;
  const bool is_first = part.epoch == kNoProducerEpoch;
  part.producer_id = producer_id_;
  part.epoch = epoch_;
  part.next = Sequence{0};
  part.acked.clear();
  if (is_first && random_.hits(static_cast<uint32_t>(world_.workload.wrap_ppm)))
    part.next = Sequence{static_cast<int32_t>(0x7fffffff - random_.below(200))};
}

void Producer::make_batch(uint16_t index, Part& part) {
  if (part.pending.empty()) adopt_identity(part);
  constexpr std::array codecs{bytes::CodecId::kNone, bytes::CodecId::kNone,
                              bytes::CodecId::kGzip, bytes::CodecId::kSnappy,
                              bytes::CodecId::kLz4,  bytes::CodecId::kZstd};
  Batch batch;
  batch.producer_id = part.producer_id;
  batch.epoch = part.epoch;
  batch.base = part.next;
  batch.first = {number_, index, part.next_number};
  batch.count = static_cast<int32_t>(
      random_.between(1, static_cast<uint64_t>(world_.workload.records_per_batch)));
  batch.timestamp = runtime_.clock->unix_ms();
  if (random_.below(20) == 0) batch.timestamp -= int64_t{30} * 24 * 3'600'000;
  batch.value_bytes = random_.between(16, static_cast<uint64_t>(world_.workload.value_bytes));
  batch.codec = codecs[random_.below(codecs.size() - (produce_version_ < 7 ? 1 : 0))];
  part.next = part.next.plus(batch.count);
  part.next_number += static_cast<uint32_t>(batch.count);
  part.pending.push_back(batch);
}

void Producer::queue_requests(Lane& lane) {
  if (needs_metadata_ && lane.metadata_at <= now()) queue_metadata(lane);
  const auto produces = std::count_if(lane.sent.begin(), lane.sent.end(), [](const auto& entry) {
    return entry.second.kind != Kind::kMetadata;
  });
  for (auto room = static_cast<int64_t>(in_flight_max_) - produces; room > 0; --room) {
    const size_t before = lane.sent.size();
    queue_fresh(lane);
    if (lane.sent.size() == before) break;
  }
  if (static_cast<size_t>(produces) < in_flight_max_ && !world_.may_lose &&
      random_.hits(static_cast<uint32_t>(world_.workload.resend_ppm)))
    queue_copy(lane);
}

void Producer::queue_metadata(Lane& lane) {
  lane.metadata_at = now() + milliseconds{100};
  needs_metadata_ = false;
  gen::MetadataRequest request;
  request.topics.append().name = world_.topic;
  request.allow_auto_topic_creation = false;
  const int32_t id = lane.client->queue(request, metadata_version_);
  lane.sent[id] = {Kind::kMetadata, now() + milliseconds{world_.workload.request_timeout_ms}, {}};
}

Producer::Batch* Producer::pick(Part& part) {
  size_t on_the_way = 0;
  Batch* oldest = nullptr;
  for (Batch& batch : part.pending) {
    if (batch.state == State::kOnTheWay) {
      if (oldest != nullptr) return nullptr;  // a later one is still on the way
      ++on_the_way;
    } else if (oldest == nullptr) {
      oldest = &batch;
    }
  }
  if (part.retry_at > now() || on_the_way >= in_flight_max_) return nullptr;
  if (part.is_recovering && is_cautious_ && on_the_way > 0) return nullptr;
  return oldest;
}

void Producer::queue_fresh(Lane& lane) {
  Sent sent{Kind::kFresh, {}, {}};
  for (uint16_t i = 0; i < parts_.size(); ++i) {
    Part& part = parts_[i];
    if (part.leader != lane.broker || random_.below(4) == 0) continue;
    Batch* batch = pick(part);
    if (batch == nullptr) continue;
    if (batch->was_sent) world_.trace.probe("producer: batch sent again");
    if (!batch->was_sent) {
      RecordKey key = batch->first;
      for (int32_t n = 0; n < batch->count; ++n, ++key.number)
        world_.history.sent(key, world_.now_ns());
    }
    batch->was_sent = true;
    batch->state = State::kOnTheWay;
    sent.batches.emplace_back(i, *batch);
  }
  if (!sent.batches.empty()) queue_produce(lane, std::move(sent));
}

void Producer::queue_copy(Lane& lane) {
  const auto index = static_cast<uint16_t>(random_.below(parts_.size()));
  const Part& part = parts_[index];
  if (part.leader != lane.broker || part.acked.empty()) return;
  constexpr std::array kinds{Kind::kCopy, Kind::kCopy, Kind::kReencoded, Kind::kForged};
  Sent sent{kinds[random_.below(kinds.size())], {}, {}};
  sent.batches.emplace_back(index, part.acked[random_.below(part.acked.size())]);
  queue_produce(lane, std::move(sent));
}

bytes::Buffer Producer::encode(const Batch& batch, Kind kind) {
  BatchStamp stamp{batch.producer_id, batch.epoch, batch.base, batch.timestamp, batch.codec};
  RecordKey first = batch.first;
  if (kind == Kind::kReencoded) stamp.timestamp += 7;
  if (kind == Kind::kForged) first.number += 1'000'000'000;
  return codec_.write(stamp, first, batch.count, batch.value_bytes);
}

void Producer::queue_produce(Lane& lane, Sent sent) {
  gen::ProduceRequest request;
  request.acks = -1;
  request.timeout_ms = static_cast<int32_t>(random_.between(200, 1500));
  auto& topic = request.topic_data.append();
  if (produce_version_ < 13)
    topic.name = world_.topic;
  else
    topic.topic_id = topic_id_;
  for (const auto& [index, batch] : sent.batches) {
    auto& data = topic.partition_data.append();
    data.index = index;
    data.records = encode(batch, sent.kind);
  }
  sent.deadline = now() + milliseconds{world_.workload.request_timeout_ms};
  const int32_t id = lane.client->queue(request, produce_version_);
  lane.sent[id] = std::move(sent);
}

bool Producer::handle(Lane& lane, const WireClient::Response& response) {
  const auto found = lane.sent.find(response.correlation_id);
  SEMEL_ASSERT(found != lane.sent.end());
  const Sent sent = std::move(found->second);
  lane.sent.erase(found);
  bytes::Reader reader(response.body);
  if (sent.kind == Kind::kMetadata) {
    gen::MetadataResponse metadata;
    const auto decoded = metadata.decode(reader, response.version);
    if (decoded) handle_metadata(metadata);
    if (!decoded) world_.history.complain("garbled", decoded.error().context);
    return decoded.has_value();
  }
  gen::ProduceResponse answer;
  const auto decoded = answer.decode(reader, response.version);
  if (decoded) handle_produce(sent, answer);
  if (!decoded) world_.history.complain("garbled", decoded.error().context);
  return decoded.has_value();
}

void Producer::handle_metadata(const gen::MetadataResponse& response) {
  bool is_complete = false;
  for (const auto& topic : response.topics) {
    if (topic.name != world_.topic || topic.error_code != 0) continue;
    topic_id_ = topic.topic_id;
    is_complete = topic.partitions.size() == parts_.size();
    for (const auto& partition : topic.partitions) {
      if (partition.partition_index < 0 ||
          static_cast<size_t>(partition.partition_index) >= parts_.size())
        continue;
      parts_[static_cast<size_t>(partition.partition_index)].leader = partition.leader_id;
      is_complete = is_complete && partition.leader_id >= 0;
    }
  }
  needs_metadata_ = needs_metadata_ || !is_complete;
}

void Producer::handle_produce(const Sent& sent, const gen::ProduceResponse& response) {
  size_t answered = 0;
  for (const auto& topic : response.responses) {
    for (const auto& answer : topic.partition_responses) {
      const auto found = std::find_if(sent.batches.begin(), sent.batches.end(),
                                      [&](const auto& b) { return b.first == answer.index; });
      if (found == sent.batches.end()) continue;
      ++answered;
      if (sent.kind == Kind::kFresh)
        handle_fresh(found->first, found->second, answer);
      else
        handle_copy(found->first, found->second, sent.kind, answer);
    }
  }
  if (answered != sent.batches.size())
    world_.history.complain("garbled", fmt::format("{} partitions were asked for, {} answered",
                                                   sent.batches.size(), answered));
}

void Producer::accept(uint16_t index, size_t position, Offset base) {
  Part& part = parts_[index];
  Batch batch = part.pending[position];
  RecordKey key = batch.first;
  for (int32_t n = 0; n < batch.count; ++n, ++key.number) {
    if (base == kNoOffset)
      world_.history.stored(key, world_.now_ns());
    else
      world_.history.acked(key, base + n, world_.now_ns());
  }
  part.pending.erase(part.pending.begin() + static_cast<ptrdiff_t>(position));
  if (part.pending.empty()) part.is_recovering = false;
  if (base == kNoOffset) return;
  batch.offset = base;
  part.acked.push_back(batch);
  if (part.acked.size() > kAckedKept) part.acked.pop_front();
}

void Producer::handle_fresh(uint16_t index, const Batch& batch,
                            const gen::ProduceResponse::PartitionProduceResponse& answer) {
  Part& part = parts_[index];
  const auto found = std::find_if(part.pending.begin(), part.pending.end(), [&](const Batch& b) {
    return b.first == batch.first && b.epoch == batch.epoch && b.producer_id == batch.producer_id;
  });
  if (found == part.pending.end()) return;  // given up meanwhile
  found->state = State::kWaiting;
  const auto position = static_cast<size_t>(found - part.pending.begin());
  const auto code = static_cast<ErrorCode>(answer.error_code);
  const std::string text = answer.error_message.value_or("");
  world_.trace.probe(fmt::format("answer: {}", error_name(code)));
  if (code == ErrorCode::kNone) return accept(index, position, Offset{answer.base_offset});
  if (code == ErrorCode::kDuplicateSequenceNumber) return accept(index, position, kNoOffset);
  const bool is_head = position == 0;
  const bool waits_for_older = code == ErrorCode::kOutOfOrderSequenceNumber && !is_head;
  const bool is_corrupt = code == ErrorCode::kCorruptMessage;
  if (waits_for_older || (error_is_retriable(code) && !is_corrupt)) {
    part.retry_at = now() + draw_ms(random_, 20);
    part.is_recovering = true;
    needs_metadata_ = true;
    return;
  }
  abandon(index, code, text);
}

void Producer::abandon(uint16_t index, ErrorCode code, const std::string& text) {
  Part& part = parts_[index];
  const Batch& batch = part.pending.front();
  if (!world_.may_lose)
    world_.history.complain(
        "unexpected refusal",
        fmt::format("{} at sequence {} of pid {} epoch {}: {} ({})", batch.first.to_text(),
                    batch.base.value, batch.producer_id.value, batch.epoch.value, error_name(code),
                    text));
  world_.trace.probe("producer: gave batches up and took a new epoch");
  part.pending.clear();
  part.is_recovering = false;
  part.acked.clear();
  epoch_ = ProducerEpoch{static_cast<int16_t>(epoch_.value + 1)};
}

void Producer::handle_copy(uint16_t index, const Batch& batch, Kind kind,
                           const gen::ProduceResponse::PartitionProduceResponse& answer) {
  const Part& part = parts_[index];
  const auto code = static_cast<ErrorCode>(answer.error_code);
  const bool is_current = part.epoch == batch.epoch && part.producer_id == batch.producer_id;
  const auto complain = [&](std::string_view what) {
    world_.history.complain(std::string(what),
                            fmt::format("{} was stored at {}; sent again: {} at offset {} ({})",
                                        batch.first.to_text(), batch.offset.value, error_name(code),
                                        answer.base_offset, answer.error_message.value_or("")));
  };
  if (kind == Kind::kForged) {
    if (code == ErrorCode::kNone) complain("swallowed");
    if (code == ErrorCode::kOutOfOrderSequenceNumber)
      world_.trace.probe("producer: re-used sequence refused");
    return;
  }
  if (error_is_retriable(code) && code != ErrorCode::kCorruptMessage) return;
  if (!is_current) return;
  if (code == ErrorCode::kNone && answer.base_offset != batch.offset.value) complain("two answers");
  const bool is_duplicate = code == ErrorCode::kNone || code == ErrorCode::kDuplicateSequenceNumber;
  if (!is_duplicate) complain("duplicate refused");
  if (is_duplicate) world_.trace.probe("producer: duplicate answered with its offset");
}

}  // namespace semel::sim
