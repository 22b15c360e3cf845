#include "net/connection.h"

#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "bytes/endian.h"

namespace semel::net {
namespace {

constexpr size_t kLengthSize = sizeof(int32_t);
/// Reads of one turn of one connection.
constexpr int kReadsPerTurn = 16;

}  // namespace

ExchangePool::~ExchangePool() {
  while (free_ != nullptr) delete std::exchange(free_, free_->next_free);
}

Exchange& ExchangePool::take() {
  if (free_ == nullptr) return *new Exchange;
  --count_;
  return *std::exchange(free_, free_->next_free);
}

void ExchangePool::give_back(Exchange& exchange) {
  exchange.clear();
  exchange.sent = {};
  exchange.is_finished = false;
  if (count_ >= kKept) {
    delete &exchange;
    return;
  }
  exchange.next_free = free_;
  free_ = &exchange;
  ++count_;
}

Connection::Connection(ConnectionShared& shared, const api::Dispatcher& dispatcher,
                       std::unique_ptr<rt::Stream> stream, api::ConnectionInfo info, Owner& owner)
    : shared_(shared),
      dispatcher_(dispatcher),
      stream_(std::move(stream)),
      info_(std::move(info)),
      owner_(owner) {
  info_.executor = &stream_->executor();
  info_.peer = stream_->peer();
  info_.local = stream_->local();
  reserved_.executor = info_.executor;
  // Requests to the controller are made while others, that claimed, wait for their answers.
  if (info_.kind == api::ListenerKind::kBroker) info_.memory = &shared_.memory;
  last_activity_ = now();
}

Connection::~Connection() { SEMEL_ASSERT(queue_.empty() && !has_bell_out()); }

void Connection::start() {
  may_be_readable_ = false;
  wait_for_bytes();
}

void Connection::close(const char* why) {
  shut(why);
  retire_if_done();
}

void Connection::shut(const char* why) {
  if (is_closed_) return;
  is_closed_ = true;
  log_debug("net", "connection {} from {} ends: {}", info_.id, info_.peer.to_text(), why);
  if (reserved_.is_out && shared_.budget.cancel(reserved_)) reserved_.is_out = false;
  if (claimed_.is_out && shared_.memory.cancel(claimed_)) claimed_.is_out = false;
  stream_->close();
  slab_ = {};
  begin_ = end_ = 0;
  if (routed_ != nullptr) recycle(*std::exchange(routed_, nullptr));
  for (size_t i = 0; i < queue_.size(); ++i) {
    Exchange& exchange = queue_.at(i);
    if (!exchange.is_finished && exchange.work != nullptr) exchange.work->cancel();
  }
}

void Connection::retire_if_done() {
  if (!is_closed_ || is_pumping_ || unfinished_ > 0 || has_bell_out()) return;
  while (!queue_.empty()) recycle(queue_.pop());
  owner_.retire(*this);
}

void Connection::check_times(rt::Instant now) {
  if (is_closed_) return;
  const bool waits_for_us = unfinished_ > 0 || reserved_.is_out || routed_ != nullptr;
  if (shared_.memory.is_short() && writable_.is_out &&
      now - blocked_since_ > shared_.times.answer_grace)
    return close("its answers are not read, and memory is short");
  if (now - last_activity_ > shared_.times.idle && !waits_for_us) return close("idle for too long");
  if (frame_began_ == kNoFrame || waits_for_us) return;
  const auto size_seconds =
      static_cast<int64_t>(frame_size()) / shared_.times.frame_bytes_per_second;
  if (now - frame_began_ > shared_.times.frame_grace + std::chrono::seconds(size_seconds))
    close("a request took too long to arrive");
}

void Connection::finished(api::RequestContext& context) {
  mark_finished(static_cast<Exchange&>(context));
  if (is_pumping_ || pump_.is_out) return;
  pump_.is_out = true;
  info_.executor->post(pump_);
}

void Connection::on_readable() {
  may_be_readable_ = true;
  pump();
}

void Connection::on_writable() { pump(); }

void Connection::on_pump() { pump(); }

void Connection::on_reserved() {
  if (is_closed_) {
    shared_.budget.release(reserved_.size);
    return retire_if_done();
  }
  adopt(shared_.slabs.take(reserved_.size));
  if (frame_began_ != kNoFrame) frame_began_ = now();
  pump();
}

void Connection::on_claimed() {
  if (is_closed_) {
    shared_.memory.give_back(claimed_.bytes);
    return retire_if_done();
  }
  routed_->granted();
  pump();
}

void Connection::pump() {
  SEMEL_ASSERT(!is_pumping_);
  is_pumping_ = true;
  reads_left_ = kReadsPerTurn;
  bool freed_slots = true;
  while (!is_closed_ && freed_slots) {
    while (!is_closed_ && step()) {
    }
    if (is_closed_) break;
    const bool was_full = queue_.full();
    flush();
    freed_slots = was_full && !queue_.full();
  }
  is_pumping_ = false;
  retire_if_done();
}

bool Connection::step() {
  const Cut cut = cut_frame();
  if (cut == Cut::kAdmitted) return true;
  if (cut == Cut::kBlocked || !takes_requests_ || reserved_.is_out) return false;
  if (!may_be_readable_) {
    wait_for_bytes();
    return false;
  }
  if (reads_left_-- <= 0) {
    if (!pump_.is_out) {
      pump_.is_out = true;
      info_.executor->post(pump_);
    }
    return false;
  }
  return make_room() && read();
}

Connection::Cut Connection::cut_frame() {
  if (routed_ != nullptr) {
    if (claimed_.is_out || !may_begin(*routed_->row)) return Cut::kBlocked;
    return admit(*std::exchange(routed_, nullptr));
  }
  if (!takes_requests_ || queue_.full() || barrier_runs_) return Cut::kBlocked;
  if (end_ - begin_ < kLengthSize) return Cut::kNeedsBytes;
  const int32_t size = bytes::load_be<int32_t>(slab_.data + begin_);
  if (size < 0 || size > shared_.frame_bytes_max) {
    log_info("net", "{} sent a request of {} bytes; the limit is {}", info_.peer.to_text(), size,
             shared_.frame_bytes_max);
    shut("the size of a request is not allowed");
    return Cut::kBlocked;
  }
  const size_t body = static_cast<size_t>(size);
  if (end_ - begin_ < kLengthSize + body) return Cut::kNeedsBytes;

  Exchange& exchange = shared_.exchanges.take();
  exchange.start(info_, *this, slab_.whole.slice(begin_ + kLengthSize, body));
  begin_ += kLengthSize + body;
  frame_began_ = kNoFrame;
  if (begin_ == end_ && slab_.capacity > SlabPool::kSizes.front()) slab_ = {};
  return begin_or_keep(exchange);
}

Connection::Cut Connection::begin_or_keep(Exchange& exchange) {
  if (!dispatcher_.route(exchange)) {
    log_info("net", "{} sent a request that cannot be served: API {} version {}",
             info_.peer.to_text(), exchange.header.key, exchange.header.version);
    takes_requests_ = false;
    exchange.response.fate = api::Response::Fate::kClose;
    exchange.is_finished = true;
    queue_.push(exchange);
    return Cut::kAdmitted;
  }
  if (!may_begin(*exchange.row)) {
    routed_ = &exchange;
    return Cut::kBlocked;
  }
  return admit(exchange);
}

bool Connection::may_begin(const api::ApiRow& row) const {
  return !barrier_runs_ && (row.overlaps || unfinished_ == 0);
}

Connection::Cut Connection::admit(Exchange& exchange) {
  queue_.push(exchange);
  const bool follows_others = unfinished_++ > 0;
  barrier_runs_ = !exchange.row->overlaps;
  const api::Progress progress = dispatcher_.admit(exchange, follows_others);
  if (progress == api::Progress::kNeedsMemory) {
    queue_.drop_newest();
    --unfinished_;
    barrier_runs_ = false;
    routed_ = &exchange;
    claimed_.bytes = exchange.missing();
    claimed_.is_out = true;
    shared_.memory.wait(claimed_);
    dispatcher_.relieve();
    return Cut::kBlocked;
  }
  if (exchange.is_barrier && !exchange.is_finished) barrier_runs_ = true;
  if (progress == api::Progress::kWaiting) return Cut::kAdmitted;
  if (progress == api::Progress::kClose) exchange.response.fate = api::Response::Fate::kClose;
  mark_finished(exchange);
  return Cut::kAdmitted;
}

void Connection::mark_finished(Exchange& exchange) {
  SEMEL_ASSERT(!exchange.is_finished && unfinished_ > 0);
  exchange.is_finished = true;
  exchange.work = nullptr;
  exchange.drop_frame();
  exchange.hold(exchange.response.memory_bytes());
  --unfinished_;
  if (!exchange.row->overlaps || exchange.is_barrier) barrier_runs_ = false;
  if (exchange.response.fate == api::Response::Fate::kClose) takes_requests_ = false;
}

size_t Connection::frame_size() const {
  if (end_ - begin_ < kLengthSize) return 0;
  return kLengthSize + static_cast<size_t>(bytes::load_be<int32_t>(slab_.data + begin_));
}

bool Connection::make_room() {
  if (begin_ < end_ && frame_began_ == kNoFrame) frame_began_ = now();
  const size_t needed = std::max(frame_size(), kLengthSize);
  if (!slab_) return move_to_new_slab(needed);
  if (begin_ > 0 && slab_.whole.is_sole_owner() && needed <= slab_.capacity) {
    if (begin_ == end_ || begin_ + needed > slab_.capacity) {
      std::memmove(slab_.data, slab_.data + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
  }
  constexpr size_t kWorthReading = 2048;
  const bool fits = begin_ + needed <= slab_.capacity;
  if (fits && (begin_ < end_ || slab_.capacity - end_ >= kWorthReading)) return true;
  return move_to_new_slab(needed);
}

bool Connection::move_to_new_slab(size_t size) {
  const size_t reserved = SlabPool::reserved_size(size);
  if (begin_ == end_) {
    slab_ = {};
    begin_ = end_ = 0;
  }
  if (shared_.budget.try_reserve(reserved)) {
    adopt(shared_.slabs.take(reserved));
    return true;
  }
  reserved_.size = reserved;
  reserved_.is_out = true;
  shared_.budget.wait(reserved_);
  return false;
}

void Connection::adopt(Slab slab) {
  const size_t tail = end_ - begin_;
  if (tail > 0) std::memcpy(slab.data, slab_.data + begin_, tail);
  slab_ = std::move(slab);
  begin_ = 0;
  end_ = tail;
}

bool Connection::read() {
  const size_t size = frame_size();
  // A frame in a slab of its own is read alone, so that nothing of the next one must be moved.
  const size_t until = slab_.capacity > SlabPool::kSizes.front() ? begin_ + size : slab_.capacity;
  const size_t space = until - end_;
  const rt::Transfer transfer = stream_->try_read({slab_.data + end_, space});
  switch (transfer.state) {
    case rt::Transfer::State::kDone:
      end_ += transfer.count;
      may_be_readable_ = transfer.count == space;
      last_activity_ = now();
      return true;
    case rt::Transfer::State::kWouldBlock:
      may_be_readable_ = false;
      return true;
    case rt::Transfer::State::kEnd:
      shut("the peer closed");
      return false;
    case rt::Transfer::State::kFailed:
      shut("the connection broke");
      return false;
  }
  return false;
}

void Connection::wait_for_bytes() {
  if (readable_.is_out) return;
  if (begin_ == end_) {
    slab_ = {};
    begin_ = end_ = 0;
  } else if (frame_began_ == kNoFrame) {
    frame_began_ = now();
  }
  readable_.is_out = true;
  stream_->wait_readable(readable_);
}

void Connection::flush() {
  if (writable_.is_out) return;
  const uint64_t sent_before = writer_.bytes_sent();
  const auto outcome =
      writer_.write(*stream_, queue_, shared_.scratch, [this] { recycle(queue_.pop()); });
  if (writer_.bytes_sent() != sent_before) last_activity_ = now();
  switch (outcome) {
    case ResponseWriter::Outcome::kDrained:
      return;
    case ResponseWriter::Outcome::kWouldBlock:
      writable_.is_out = true;
      blocked_since_ = now();
      stream_->wait_writable(writable_);
      return;
    case ResponseWriter::Outcome::kMustClose:
      return shut("a request was refused");
    case ResponseWriter::Outcome::kFailed:
      return shut("the connection broke while an answer was sent");
  }
}

void Connection::recycle(Exchange& exchange) {
  exchange.work = nullptr;
  shared_.exchanges.give_back(exchange);
}

}  // namespace semel::net
