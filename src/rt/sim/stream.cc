#include "rt/sim/stream.h"

#include <algorithm>

#include "base/assert.h"
#include "rt/sim/node.h"
#include "rt/sim/world.h"

namespace semel::rt::sim {

namespace {

/// How soon bytes are tried again that a partition or a powerless machine did not take.
constexpr Duration kRetransmit = std::chrono::milliseconds{200};
constexpr size_t kLargestChunk = 64 * 1024;

}  // namespace

void Connection::wake(Mail*& waiter, End& end) {
  if (waiter != nullptr) end.executor->post(*std::exchange(waiter, nullptr));
}

uint64_t Connection::room(int side) const {
  const End& peer = ends_[1 - side];
  const uint64_t used = peer.received.size() + peer.flight_bytes;
  const uint64_t window = world_.fabric().options().window;
  return used < window ? window - used : 0;
}

Transfer Connection::read(int side, bytes::MutableByteSpan into) {
  End& end = ends_[side];
  if (end.is_closed || end.has_failed || !end.is_alive) return {Transfer::State::kFailed, 0};
  if (into.empty()) return {Transfer::State::kWouldBlock, 0};
  if (end.received.empty())
    return {end.peer_has_ended ? Transfer::State::kEnd : Transfer::State::kWouldBlock, 0};
  size_t count = std::min(into.size(), end.received.size());
  if (world_.random().hits(world_.fabric().options().short_read_ppm))
    count = world_.random().between(1, count);
  const auto last = end.received.begin() + static_cast<ptrdiff_t>(count);
  std::copy(end.received.begin(), last, into.begin());
  end.received.erase(end.received.begin(), last);
  End& peer = ends_[1 - side];
  wake(peer.write_waiter, peer);
  return {Transfer::State::kDone, count};
}

Transfer Connection::write(int side, std::span<const bytes::ByteSpan> parts) {
  End& end = ends_[side];
  if (end.is_closed || end.has_failed || !end.is_alive) return {Transfer::State::kFailed, 0};
  size_t total = 0;
  for (const bytes::ByteSpan part : parts) total += part.size();
  size_t count = std::min<size_t>({total, room(side), kLargestChunk});
  if (count == 0) return {Transfer::State::kWouldBlock, 0};
  if (world_.random().hits(world_.fabric().options().short_write_ppm))
    count = world_.random().between(1, count);
  std::vector<std::byte> chunk;
  chunk.reserve(count);
  for (const bytes::ByteSpan part : parts) {
    const size_t taken = std::min(part.size(), count - chunk.size());
    chunk.insert(chunk.end(), part.begin(), part.begin() + static_cast<ptrdiff_t>(taken));
  }
  world_.trace().add(Trace::Kind::kSend, id_ * 2 + static_cast<uint64_t>(side), count);
  world_.trace().add_bytes(chunk);
  send(1 - side, std::move(chunk));
  return {Transfer::State::kDone, count};
}

void Connection::send(int to, std::vector<std::byte> chunk) {
  End& end = ends_[to];
  end.flight_bytes += chunk.size();
  end.flight.push_back(std::move(chunk));
  const int64_t now = world_.now().ns;
  const int64_t arrival =
      std::max(now + world_.fabric().draw_latency().count(), end.last_arrival_ns + 1);
  end.last_arrival_ns = arrival;
  schedule_arrival(to, Duration{arrival - now});
}

void Connection::schedule_arrival(int to, Duration delay) {
  world_.schedule(delay, [self = shared_from_this(), to] { self->arrive(to); });
}

void Connection::arrive(int to) {
  End& end = ends_[to];
  End& from = ends_[1 - to];
  if (end.flight.empty()) return;  // a reset lost it
  const bool is_held = world_.fabric().is_blocked(*from.node, *end.node) ||
                       (!end.is_alive && !end.node->is_powered());
  if (is_held) return schedule_arrival(to, kRetransmit);
  std::vector<std::byte> chunk = std::move(end.flight.front());
  end.flight.pop_front();
  end.flight_bytes -= chunk.size();
  world_.trace().add(Trace::Kind::kDeliver, id_ * 2 + static_cast<uint64_t>(to), chunk.size());
  if (end.has_failed) return;
  if (end.is_closed || !end.is_alive) return fail_later(1 - to);
  if (chunk.empty())
    end.peer_has_ended = true;
  else
    end.received.insert(end.received.end(), chunk.begin(), chunk.end());
  wake(end.read_waiter, end);
  if (world_.random().hits(world_.fabric().options().reset_ppm)) {
    world_.trace().probe("network: connection reset");
    reset();
  }
}

void Connection::fail(int side) {
  End& end = ends_[side];
  if (end.has_failed) return;
  world_.trace().add(Trace::Kind::kReset, id_ * 2 + static_cast<uint64_t>(side));
  end.has_failed = true;
  end.received.clear();
  end.flight.clear();
  end.flight_bytes = 0;
  if (end.is_alive) {
    wake(end.read_waiter, end);
    wake(end.write_waiter, end);
  }
  forget_if_over();
}

void Connection::fail_later(int side) {
  world_.schedule(world_.fabric().draw_latency(), [self = shared_from_this(), side] {
    const End& end = self->ends_[side];
    const End& from = self->ends_[1 - side];
    if (end.has_failed) return;
    if (self->world_.fabric().is_blocked(*from.node, *end.node))
      return self->world_.schedule(kRetransmit, [self, side] { self->fail_later(side); });
    self->fail(side);
  });
}

void Connection::reset() {
  fail_later(0);
  fail_later(1);
}

void Connection::wait_readable(int side, Mail& waiter) {
  End& end = ends_[side];
  SEMEL_ASSERT(end.read_waiter == nullptr, "two readers wait on one stream");
  end.read_waiter = &waiter;
  const bool is_ready = end.is_closed || end.has_failed || !end.is_alive || !end.received.empty() ||
                        end.peer_has_ended;
  if (is_ready || world_.random().hits(world_.fabric().options().spurious_wake_ppm))
    wake(end.read_waiter, end);
}

void Connection::wait_writable(int side, Mail& waiter) {
  End& end = ends_[side];
  SEMEL_ASSERT(end.write_waiter == nullptr, "two writers wait on one stream");
  end.write_waiter = &waiter;
  const bool is_ready = end.is_closed || end.has_failed || !end.is_alive || room(side) > 0;
  if (is_ready || world_.random().hits(world_.fabric().options().spurious_wake_ppm))
    wake(end.write_waiter, end);
}

void Connection::close(int side, bool with_reset) {
  End& end = ends_[side];
  if (end.is_closed) return;
  end.is_closed = true;
  wake(end.read_waiter, end);
  wake(end.write_waiter, end);
  if (!end.is_alive) return;
  const bool is_rude = with_reset || !end.received.empty();
  if (is_rude && !end.has_failed) {
    ends_[1 - side].flight.clear();
    ends_[1 - side].flight_bytes = 0;
    fail_later(1 - side);
  } else if (!end.has_failed) {
    send(1 - side, {});
  }
  forget_if_over();
}

void Connection::die(int side, bool is_powered) {
  End& end = ends_[side];
  if (!end.is_alive) return;
  end.is_alive = false;
  wake(end.read_waiter, end);
  wake(end.write_waiter, end);
  if (!is_powered) {
    ends_[1 - side].flight.clear();
    ends_[1 - side].flight_bytes = 0;
  } else if (!end.is_closed && !end.has_failed) {
    const bool is_rude = !end.received.empty() || world_.random().below(2) == 0;
    if (is_rude)
      fail_later(1 - side);
    else
      send(1 - side, {});
  }
  forget_if_over();
}

void Connection::forget_if_over() {
  const auto is_over = [](const End& end) {
    return end.is_closed || end.has_failed || !end.is_alive;
  };
  if (is_over(ends_[0]) && is_over(ends_[1])) world_.fabric().remove(id_);
}

SimStream::~SimStream() {
  Connection::End& own = end();
  own.read_waiter = nullptr;
  own.write_waiter = nullptr;
  connection_->close(side_, false);
}

Transfer SimStream::try_read(bytes::MutableByteSpan into) {
  SEMEL_ASSERT(executor_.is_current(), "a stream is used on its executor only");
  return connection_->read(side_, into);
}

Transfer SimStream::try_write(std::span<const bytes::ByteSpan> parts, bool) {
  SEMEL_ASSERT(executor_.is_current(), "a stream is used on its executor only");
  return connection_->write(side_, parts);
}

Transfer SimStream::try_send_file(const FileRange& range, bool more_follows) {
  std::vector<std::byte> bytes(std::min<uint64_t>(range.size, kLargestChunk));
  const auto count = range.file->pread(range.at, bytes);
  if (!count || *count == 0) return {Transfer::State::kFailed, 0};
  const bytes::ByteSpan part = bytes::ByteSpan(bytes).first(*count);
  return try_write({&part, 1}, more_follows);
}

void SimStream::wait_readable(Mail& waiter) { connection_->wait_readable(side_, waiter); }
void SimStream::wait_writable(Mail& waiter) { connection_->wait_writable(side_, waiter); }

bool SimStream::cancel_wait(Mail& waiter) {
  Connection::End& own = end();
  for (Mail** slot : {&own.read_waiter, &own.write_waiter}) {
    if (*slot != &waiter) continue;
    *slot = nullptr;
    return true;
  }
  return false;
}

}  // namespace semel::rt::sim
