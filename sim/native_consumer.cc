#include "native_consumer.h"

#include <chrono>

#include <fmt/format.h>

#include "native_settings.h"
#include "records.h"

namespace semel::sim {

using std::chrono::milliseconds;

NativeConsumer::NativeConsumer(rt::Runtime runtime, const ClientWorld& world)
    : runtime_(std::move(runtime)),
      world_(world),
      random_(runtime_.random->next()),
      expected_(static_cast<size_t>(world.workload.partitions), Offset{0}),
      consumer_(std::make_unique<client::Consumer>(
          client::Environment{*runtime_.executors[0], *runtime_.network, *runtime_.random,
                              runtime_.plants},
          draw_config())) {}

NativeConsumer::~NativeConsumer() = default;

client::ConsumerConfig NativeConsumer::draw_config() {
  auto settings = native_settings(world_, random_);
  const auto set = [&settings](const char* key, std::string value) {
    settings.push_back({key, std::move(value)});
  };
  set("auto.offset.reset", world_.may_lose ? "earliest" : "none");
  set("fetch.max.wait.ms", draw_word(random_, std::array{"5", "200"}));
  set("fetch.max.bytes", draw_word(random_, std::array{"300", "4096", "1048576"}));
  set("max.partition.fetch.bytes", draw_word(random_, std::array{"200", "5000", "1048576"}));
  set("max.poll.records", draw_word(random_, std::array{"1", "7", "500"}));
  set("isolation.level", draw_word(random_, std::array{"read_committed", "read_uncommitted"}));
  auto config = client::ConsumerConfig::from(settings);
  SEMEL_ASSERT(config.has_value(), "settings of the simulator are refused");
  return std::move(*config);
}

TopicPartition NativeConsumer::name(size_t index) const {
  return {world_.topic, PartitionIndex{static_cast<int32_t>(index)}};
}

void NativeConsumer::start() {
  std::vector<TopicPartition> assigned;
  for (size_t i = 0; i < expected_.size(); ++i) assigned.push_back(name(i));
  consumer_->assign(assigned);
  for (const auto& partition : assigned)
    consumer_->seek_to_time(partition, client::kEarliestOffset);
  rt::spawn(run(gate_.enter()));
}

rt::Task<void> NativeConsumer::stop() {
  cancel_.cancel();
  co_await consumer_->close();
  co_await gate_.close(*runtime_.executors[0]);
}

bool NativeConsumer::has_read(uint16_t partition, Offset end) const {
  return consumer_->position(name(partition)) >= end;
}

std::string NativeConsumer::describe() const {
  std::string text = "native consumer:";
  for (size_t i = 0; i < expected_.size(); ++i)
    text += fmt::format(" partition {} stands at {};", i, consumer_->position(name(i)).value);
  return text;
}

rt::Task<void> NativeConsumer::run(rt::Gate::Entry entry) {
  const rt::CancelToken token = cancel_.token();
  while (!token.is_cancelled()) {
    const rt::Instant deadline = runtime_.clock->now() + milliseconds{300};
    auto count = co_await consumer_->poll(
        {deadline, &token}, [this](const client::ConsumedRecord& record) { return visit(record); });
    if (token.is_cancelled()) break;
    if (!count) take_error(count.error());
    wander();
    // A failure that stays must not stop the clock.
    if (!count)
      co_await rt::pause(*runtime_.executors[0], {runtime_.clock->now() + milliseconds{1}, &token});
  }
}

bool NativeConsumer::visit(const client::ConsumedRecord& record) {
  const auto index = static_cast<uint16_t>(record.partition);
  const Offset offset = record.record.offset;
  Offset& expected = expected_[index];
  if (expected != kNoOffset && offset != expected && !world_.may_lose)
    world_.history.complain(offset < expected ? "read twice" : "left out",
                            fmt::format("partition {}: offset {} comes where {} was due", index,
                                        offset.value, expected.value));
  expected = offset + 1;
  const auto key = read_value(record.record.value);
  if (key)
    world_.history.read(*key, offset, world_.may_lose ? 0 : world_.now_ns());
  else
    world_.history.complain(
        "corrupt",
        fmt::format("partition {}: offset {} is no record of this run", index, offset.value));
  return random_.below(50) != 0;
}

/// True if a partition stood at a place that rotted.
bool NativeConsumer::step_over_rot() {
  for (uint16_t i = 0; i < expected_.size(); ++i) {
    const Offset position = consumer_->position(name(i));
    if (!world_.history.is_rotten(i, position)) continue;
    world_.trace.probe("rot: found by the native consumer");
    expected_[i] = position + 1;
    consumer_->seek(name(i), position + 1);
    return true;
  }
  return false;
}

void NativeConsumer::take_error(const Error& error) {
  world_.trace.probe(fmt::format("native consumer: {}", error_name(error.code)));
  if (error.code == ErrorCode::kCorruptMessage && step_over_rot()) return;
  world_.history.complain("unexpected refusal", fmt::format("native consumer: {} ({})",
                                                            error_name(error.code), error.context));
}

void NativeConsumer::wander() {
  if (is_finishing_ || random_.below(30) != 0) return;
  const size_t index = random_.below(expected_.size());
  const Offset position = consumer_->position(name(index));
  if (position == kNoOffset) return;
  const Offset back{
      static_cast<int64_t>(random_.between(0, static_cast<uint64_t>(position.value)))};
  expected_[index] = back;
  consumer_->seek(name(index), back);
}

}  // namespace semel::sim
