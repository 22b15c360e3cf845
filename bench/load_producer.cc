#include "bench/load_producer.h"

#include <cstdlib>

#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>

namespace semel::bench {
namespace {

constexpr int64_t kFirstManyProducer = int64_t{1} << 32;  // far above what a broker hands out

[[noreturn]] void give_up(const char* what) {
  fmt::print(stderr, "semel_load: {}\n", what);
  std::exit(1);
}

}  // namespace

LoadProducer::LoadProducer(LoadRun& run, int32_t index)
    : run_(run), index_(index), socket_(run.options().port) {
  const LoadOptions& options = run.options();
  int64_t producer_id = options.producers > 0 ? kFirstManyProducer : -1;
  if (options.is_idempotent) {
    producer_id = new_producer_id(options.port);
    sequences_.resize(static_cast<size_t>(options.partitions));
  }
  const std::vector<std::byte> batch = make_load_batch(options, producer_id);
  for (int32_t i = 0; i < options.in_flight; ++i) slots_.push_back({ProduceFrame(options, batch)});
}

void LoadProducer::on_event(uint32_t events) {
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
    if (!socket_.receive()) give_up("the broker closed a connection");
    for (bytes::ByteSpan frame = socket_.next_frame(); !frame.empty(); frame = socket_.next_frame())
      answered(frame);
  }
  fill();
}

void LoadProducer::fill() {
  const bool is_open_loop = run_.options().rate > 0;
  int64_t intended_ns = 0;
  while (is_free()) {
    if (is_open_loop && (intended_ns = run_.take_arrival()) == 0) break;
    if (!is_open_loop && !run_.take_request()) break;
    start(is_open_loop ? intended_ns : now_ns());
  }
  flush();
}

void LoadProducer::start(int64_t intended_ns) {
  Slot& slot = slots_[static_cast<size_t>(sent_) % slots_.size()];
  slot.intended_ns = intended_ns;
  slot.frame.set_correlation(static_cast<int32_t>(sent_));
  address(slot.frame);
  if (run_.options().rate > 0) {
    run_.counts().lateness.record(static_cast<uint64_t>(now_ns() - intended_ns));
    run_.note_sent(intended_ns);
  }
  socket_.queue(slot.frame.span());
  run_.counts().bytes_sent += static_cast<int64_t>(slot.frame.batch_size());
  ++sent_;
}

/// Which partition, which producer, which sequence.
void LoadProducer::address(ProduceFrame& frame) {
  const LoadOptions& options = run_.options();
  int32_t partition = 0;
  if (options.partitions > 1) {
    partition =
        static_cast<int32_t>((sent_ + int64_t{index_} * options.in_flight) % options.partitions);
    frame.set_partition(partition);
  }
  if (options.is_idempotent) {
    int32_t& sequence = sequences_[static_cast<size_t>(partition)];
    frame.set_sequence(sequence);
    sequence += frame.records();
  } else if (options.producers > 0) {
    const int64_t number = run_.next_number();
    frame.set_producer(kFirstManyProducer + number % options.producers);
    frame.set_sequence(static_cast<int32_t>(number / options.producers) * frame.records());
  }
}

void LoadProducer::flush() {
  const size_t whole = socket_.flush();
  run_.sent(*this);
  if (run_.options().acks != 0) return;
  for (size_t i = 0; i < whole; ++i, ++answered_) {
    ++run_.counts().requests;
    run_.completed();
  }
}

void LoadProducer::answered(bytes::ByteSpan frame) {
  const ProduceAnswer answer = read_produce_answer(frame);
  if (answer.correlation != static_cast<int32_t>(answered_)) give_up("answers are out of order");
  const Slot& slot = slots_[static_cast<size_t>(answered_) % slots_.size()];
  run_.counts().latency.record(static_cast<uint64_t>(now_ns() - slot.intended_ns));
  ++run_.counts().requests;
  if (answer.error != 0) ++run_.counts().errors[answer.error];
  ++answered_;
  run_.completed();
}

LoadConsumer::LoadConsumer(LoadRun& run, int32_t index)
    : run_(run),
      socket_(run.options().port),
      frame_(run.options(), index % run.options().partitions) {}

void LoadConsumer::begin(int64_t passes) {
  is_tail_ = passes == 0;
  passes_ = passes;
  delivered_ = 0;
  if (!is_tail_) offset_ = 0;
  if (!is_asking_) ask();
}

void LoadConsumer::ask() {
  frame_.set_correlation(++correlation_);
  frame_.set_offset(offset_);
  socket_.queue(frame_.span());
  socket_.flush();
  run_.sent(*this);
  is_asking_ = true;
}

void LoadConsumer::on_event(uint32_t events) {
  socket_.flush();
  run_.sent(*this);
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
  if (!socket_.receive()) give_up("the broker closed a connection");
  const bytes::ByteSpan frame = socket_.next_frame();
  if (frame.empty()) return;
  const FetchAnswer answer = take(frame);
  if (is_tail_)
    note_delivery(answer.batches);
  else
    passed(answer);
  if (is_tail_ || passes_ > 0) ask();
}

FetchAnswer LoadConsumer::take(bytes::ByteSpan frame) {
  const FetchAnswer answer = read_fetch_answer(frame);
  is_asking_ = false;
  if (answer.correlation != correlation_) give_up("a Fetch was answered out of order");
  if (answer.error != 0) {
    fmt::print(stderr, "semel_load: Fetch failed with error {}\n", answer.error);
    std::exit(1);
  }
  ++run_.counts().fetches;
  run_.counts().bytes_received += static_cast<int64_t>(answer.record_bytes);
  offset_ += answer.records;
  return answer;
}

void LoadConsumer::passed(const FetchAnswer& answer) {
  if (offset_ < answer.high_watermark) return;
  --passes_;
  offset_ = 0;
}

void LoadConsumer::note_delivery(int64_t batches) {
  const int64_t now = now_ns();
  for (int64_t i = 0; i < batches; ++i, ++delivered_)
    run_.counts().delivery.record(static_cast<uint64_t>(now - run_.sent_at(delivered_)));
}

void LoadConsumer::catch_up() {
  for (int64_t high_watermark = 1; offset_ < high_watermark;) {
    ask();
    bytes::ByteSpan frame;
    while (frame.empty()) {
      pollfd wait{socket_.fd(), POLLIN, 0};
      ::poll(&wait, 1, 1000);
      if (!socket_.receive()) give_up("the broker closed a connection");
      frame = socket_.next_frame();
    }
    high_watermark = take(frame).high_watermark;
  }
}

}  // namespace semel::bench
