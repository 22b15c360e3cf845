#include "consumer.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

namespace semel::sim {

using std::chrono::milliseconds;

constexpr std::chrono::seconds kQuiet{10};

/// The conversation with one broker.
struct Consumer::Lane {
  int32_t broker = 0;
  std::unique_ptr<WireClient> client;
};

Consumer::Consumer(rt::Runtime runtime, const ClientWorld& world, Role role)
    : runtime_(std::move(runtime)),
      world_(world),
      role_(role),
      random_(runtime_.random->next()),
      fetch_version_(static_cast<int16_t>(random_.between(5, 17))),
      parts_(static_cast<size_t>(world.workload.partitions)) {
  for (size_t i = 0; i < world_.brokers.size(); ++i) {
    lanes_.push_back(std::make_unique<Lane>());
    lanes_.back()->broker = static_cast<int32_t>(i) + 1;
  }
}

Consumer::~Consumer() = default;

void Consumer::start() {
  for (const auto& lane : lanes_) rt::spawn(run_lane(*lane, gate_.enter()));
}

rt::Task<void> Consumer::stop() {
  cancel_.cancel();
  co_await gate_.close(*runtime_.executors[0]);
}

bool Consumer::is_done() const {
  return std::all_of(parts_.begin(), parts_.end(), [](const Part& part) { return part.is_done; });
}

std::string Consumer::describe() const {
  std::string text = "consumer:";
  for (size_t i = 0; i < parts_.size(); ++i)
    if (!parts_[i].is_done)
      text += fmt::format(" partition {} (leader {}) stands at {} of {};", i, parts_[i].leader,
                          parts_[i].position.value, parts_[i].high_watermark.value);
  return text;
}

rt::Task<void> Consumer::run_lane(Lane& lane, rt::Gate::Entry entry) {
  const rt::CancelToken token = cancel_.token();
  while (!token.is_cancelled()) {
    const rt::Address address = world_.brokers[static_cast<size_t>(lane.broker) - 1];
    auto client = co_await WireClient::open(runtime_, address, "consumer");
    if (client) {
      lane.client = std::move(*client);
      bool goes_on = true;
      while (goes_on && !token.is_cancelled()) {
        auto knows = co_await ask_metadata(lane);
        goes_on = knows;
        for (int round = 0; goes_on && round < 20 && !token.is_cancelled(); ++round) {
          auto has_fetched = co_await fetch(lane);
          goes_on = has_fetched;
          wander();
        }
      }
      if (lane.client->is_garbled()) world_.history.complain("garbled", "an answer that is none");
      lane.client.reset();
    }
    const rt::Instant again = now() + milliseconds{static_cast<int64_t>(random_.between(5, 100))};
    co_await rt::pause(*runtime_.executors[0], {again, &token});
  }
}

rt::Task<bool> Consumer::ask_metadata(Lane& lane) {
  const rt::CancelToken token = cancel_.token();
  gen::MetadataRequest request;
  request.topics.append().name = world_.topic;
  request.allow_auto_topic_creation = false;
  const rt::Instant deadline = now() + milliseconds{world_.workload.request_timeout_ms};
  auto response = co_await lane.client->call<gen::MetadataResponse>(request, 12, deadline, &token);
  if (!response) co_return false;
  for (const auto& topic : response->topics) {
    if (topic.name != world_.topic || topic.error_code != 0) continue;
    topic_id_ = topic.topic_id;
    for (const auto& partition : topic.partitions)
      if (partition.partition_index >= 0 &&
          static_cast<size_t>(partition.partition_index) < parts_.size())
        parts_[static_cast<size_t>(partition.partition_index)].leader = partition.leader_id;
  }
  co_return true;
}

gen::FetchRequest Consumer::make_request(const Lane& lane) const {
  gen::FetchRequest request;
  request.max_wait_ms = 200;
  request.min_bytes = 1;
  request.max_bytes = 1 << 20;
  request.session_id = 0;
  request.session_epoch = -1;
  auto& topic = request.topics.append();
  if (fetch_version_ < 13)
    topic.topic = world_.topic;
  else
    topic.topic_id = topic_id_;
  for (size_t i = 0; i < parts_.size(); ++i) {
    const Part& part = parts_[i];
    if (part.leader != lane.broker || part.is_done) continue;
    auto& partition = topic.partitions.append();
    partition.partition = static_cast<int32_t>(i);
    partition.fetch_offset = part.position.value;
    partition.partition_max_bytes = 1 << 16;
  }
  return request;
}

rt::Task<bool> Consumer::fetch(Lane& lane) {
  const rt::CancelToken token = cancel_.token();
  const gen::FetchRequest request = make_request(lane);
  if (request.topics[0].partitions.empty()) {
    co_await rt::pause(*runtime_.executors[0], {now() + milliseconds{50}, &token});
    co_return true;
  }
  const rt::Instant deadline = now() + milliseconds{world_.workload.request_timeout_ms};
  const int64_t asked_at = world_.now_ns();
  auto response =
      co_await lane.client->call<gen::FetchResponse>(request, fetch_version_, deadline, &token);
  if (!response) {
    if (response.error().code != ErrorCode::kNetworkException)
      world_.history.complain("garbled", response.error().context);
    co_return false;
  }
  bool is_fine = response->error_code == 0;
  for (const auto& topic : response->responses)
    for (const auto& data : topic.partitions) is_fine = handle_partition(data, asked_at) && is_fine;
  if (!is_fine) co_await rt::pause(*runtime_.executors[0], {now() + milliseconds{20}, &token});
  co_return is_fine;
}

bool Consumer::handle_partition(const gen::FetchResponse::PartitionData& data, int64_t asked_at) {
  if (data.partition_index < 0 || static_cast<size_t>(data.partition_index) >= parts_.size())
    return false;
  const auto index = static_cast<uint16_t>(data.partition_index);
  Part& part = parts_[index];
  const auto code = static_cast<ErrorCode>(data.error_code);
  if (code == ErrorCode::kNone) {
    handle_data(part, index, data, asked_at);
    return true;
  }
  world_.trace.probe(fmt::format("fetch: {}", error_name(code)));
  if (code == ErrorCode::kOffsetOutOfRange) {
    if (!world_.may_lose)
      world_.history.complain(
          "offset out of range",
          fmt::format("partition {}: offset {} was readable before", index, part.position.value));
    part.position = Offset{0};
    part.high_watermark = Offset{0};
  } else if (world_.history.is_rotten(index, part.position)) {
    world_.trace.probe("rot: refused by the broker");
    part.position = part.position + 1;
  } else if (!error_is_retriable(code) || code == ErrorCode::kCorruptMessage) {
    world_.history.complain("unexpected refusal",
                            fmt::format("Fetch of partition {}: {}", index, error_name(code)));
  }
  return false;
}

void Consumer::handle_data(Part& part, uint16_t index,
                           const gen::FetchResponse::PartitionData& data, int64_t asked_at) {
  const Offset high_watermark{data.high_watermark};
  if (high_watermark < part.high_watermark)
    world_.trace.probe("consumer: high watermark went back");
  part.high_watermark = high_watermark;
  part.log_start = std::max(part.log_start, Offset{data.log_start_offset});
  const Offset before = part.position;
  const auto read = codec_.read(data.records.buffer().span(), part.position,
                                [&](const RecordKey& key, Offset offset) {
                                  if (role_ == Role::kFinal)
                                    world_.history.final_record(key, offset);
                                  else
                                    world_.history.read(key, offset, asked_at);
                                });
  if (!read && world_.history.is_rotten(index, part.position)) {
    world_.trace.probe("rot: found by the client");
    part.position = part.position + 1;
    return;
  }
  if (!read) {
    world_.history.complain("corrupt", fmt::format("partition {} from offset {}: {}", index,
                                                   part.position.value, read.error().context));
    return;
  }
  if (part.position > before && part.position > high_watermark)
    world_.history.complain("beyond the high watermark",
                            fmt::format("partition {}: read up to {}, high watermark {}", index,
                                        part.position.value, high_watermark.value));
  if (role_ != Role::kFinal || part.position != high_watermark) return;
  // The high watermark rises when a sync ends, and the slowest one takes seconds.
  if (part.reached != high_watermark) {
    part.reached = high_watermark;
    part.reached_at = now();
  } else if (now() - part.reached_at >= kQuiet) {
    world_.history.final_range(index, part.log_start, part.position);
    part.is_done = true;
  }
}

/// Now and then it reads old offsets once more.
void Consumer::wander() {
  if (role_ == Role::kFinal || random_.below(15) != 0) return;
  Part& part = parts_[random_.below(parts_.size())];
  const auto range = static_cast<uint64_t>(part.position.value - part.log_start.value);
  part.position = part.log_start + static_cast<int64_t>(random_.between(0, range));
}

}  // namespace semel::sim
