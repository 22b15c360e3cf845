#include "bench/load_run.h"

#include <algorithm>
#include <array>

#include <sys/epoll.h>
#include <unistd.h>

#include "bench/load_producer.h"

namespace semel::bench {

LoadRun::LoadRun(const LoadOptions& options)
    : options_(options), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  const bool does_produce = options.mode != LoadMode::kFetch;
  for (int32_t i = 0; does_produce && i < options.connections; ++i)
    producers_.push_back(std::make_unique<LoadProducer>(*this, i));
  const int32_t consumers = options.mode == LoadMode::kFetch    ? options.connections
                            : options.mode == LoadMode::kFanOut ? options.consumers
                                                                : 0;
  for (int32_t i = 0; i < consumers; ++i)
    consumers_.push_back(std::make_unique<LoadConsumer>(*this, i));
  for (auto& producer : producers_) watch(*producer, EPOLLIN, EPOLL_CTL_ADD);
  for (auto& consumer : consumers_) watch(*consumer, EPOLLIN, EPOLL_CTL_ADD);
  if (options.mode != LoadMode::kFanOut) return;
  LoadCounts unused;
  counts_ = &unused;
  for (auto& consumer : consumers_) consumer->catch_up();
}

LoadRun::~LoadRun() { ::close(epoll_); }

void LoadRun::watch(LoadActor& actor, uint32_t events, int operation) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &actor;
  ::epoll_ctl(epoll_, operation, actor.fd(), &event);
}

void LoadRun::sent(LoadActor& actor) {
  if (actor.wants_to_write() == actor.is_write_watched) return;
  actor.is_write_watched = actor.wants_to_write();
  watch(actor, actor.is_write_watched ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
}

Span LoadRun::stretch(int64_t amount, LoadCounts& counts) {
  counts_ = &counts;
  amount_ = amount;
  taken_ = completed_ = arrived_ = 0;
  sent_at_.clear();
  Meter meter(options_.pid);
  meter.start();
  started_ns_ = now_ns();
  for (auto& consumer : consumers_) consumer->begin(options_.mode == LoadMode::kFetch ? amount : 0);
  if (options_.rate <= 0)
    for (auto& producer : producers_) producer->fill();
  while (!is_over()) loop_once();
  return meter.stop();
}

bool LoadRun::is_over() const {
  if (options_.mode == LoadMode::kFetch)
    return std::ranges::all_of(consumers_,
                               [](const auto& consumer) { return consumer->is_done(); });
  if (completed_ < amount_) return false;
  return std::ranges::all_of(
      consumers_, [this](const auto& consumer) { return consumer->delivered() >= amount_; });
}

bool LoadRun::take_request() {
  if (taken_ == amount_) return false;
  ++taken_;
  return true;
}

int64_t LoadRun::take_arrival() {
  if (arrivals_.empty()) return 0;
  const int64_t intended_ns = arrivals_.front();
  arrivals_.pop_front();
  return intended_ns;
}

void LoadRun::note_sent(int64_t intended_ns) {
  if (options_.mode == LoadMode::kFanOut) sent_at_.push_back(intended_ns);
}

void LoadRun::add_arrivals() {
  const int64_t now = now_ns();
  const auto due = [&] {
    return started_ns_ + static_cast<int64_t>(static_cast<double>(arrived_) * 1e9 / options_.rate);
  };
  for (int64_t at = due(); arrived_ < amount_ && at <= now; at = due()) {
    arrivals_.push_back(at);
    ++arrived_;
  }
  for (size_t tried = 0; !arrivals_.empty() && tried < producers_.size(); ++tried) {
    LoadProducer& producer = *producers_[next_producer_++ % producers_.size()];
    if (producer.is_free()) producer.fill();
  }
}

int64_t LoadRun::wait_ns() const {
  constexpr int64_t kSecond = 1'000'000'000;
  if (options_.rate <= 0 || arrived_ >= amount_) return kSecond;
  const auto due = static_cast<int64_t>(static_cast<double>(arrived_) * 1e9 / options_.rate);
  return std::clamp<int64_t>(started_ns_ + due - now_ns(), 0, kSecond);
}

void LoadRun::loop_once() {
  if (options_.rate > 0) add_arrivals();
  std::array<epoll_event, 256> events;
  const int64_t wait = wait_ns();
  const timespec timeout{wait / 1'000'000'000, wait % 1'000'000'000};
  const int count =
      ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
  for (int i = 0; i < count; ++i) {
    auto* actor = static_cast<LoadActor*>(events[static_cast<size_t>(i)].data.ptr);
    actor->on_event(events[static_cast<size_t>(i)].events);
  }
}

}  // namespace semel::bench
