// Connection: the two ends of a simulated TCP connection and the bytes between them.
//
//   write ─▶ flight (latency, held back by partitions) ─▶ received ─▶ read
//
// What an end writes arrives in order. A reset loses what is under way. An end whose process died
// is deaf: its node answers with a reset if it is powered, and not at all if it is not.
#pragma once

#include <deque>
#include <memory>

#include "rt/network.h"
#include "rt/sim/fabric.h"

namespace semel::rt::sim {

class SimStream;

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  struct End {
    Node* node = nullptr;
    uint64_t process = 0;  // serial
    Executor* executor = nullptr;
    Address address;
    bool is_alive = true;         // its process lives
    bool is_closed = false;       // closed by its own side
    bool has_failed = false;      // reset
    bool peer_has_ended = false;  // everything up to the peer's end was received
    std::deque<std::byte> received;
    std::deque<std::vector<std::byte>>
        flight;  // towards this end; an empty chunk is the peer's end
    uint64_t flight_bytes = 0;
    int64_t last_arrival_ns = 0;
    Mail* read_waiter = nullptr;
    Mail* write_waiter = nullptr;
  };

  Connection(World& world, uint64_t id) : world_(world), id_(id) {}

  uint64_t id() const { return id_; }
  End& end(int side) { return ends_[side]; }
  World& world() { return world_; }

  Transfer read(int side, bytes::MutableByteSpan into);
  Transfer write(int side, std::span<const bytes::ByteSpan> parts);
  void wait_readable(int side, Mail& waiter);
  void wait_writable(int side, Mail& waiter);
  void close(int side, bool with_reset);
  /// Both ends fail, each after a latency of its own; bytes under way are lost.
  void reset();
  /// The process of this end died.
  void die(int side, bool is_powered);

 private:
  uint64_t room(int side) const;
  void send(int to, std::vector<std::byte> chunk);
  void schedule_arrival(int to, Duration delay);
  void arrive(int to);
  void fail(int side);
  void fail_later(int side);
  void wake(Mail*& waiter, End& end);
  void forget_if_over();

  World& world_;
  uint64_t id_;
  End ends_[2];
};

class SimStream final : public Stream {
 public:
  SimStream(std::shared_ptr<Connection> connection, int side)
      : connection_(std::move(connection)), side_(side), executor_(*end().executor) {}
  ~SimStream() override;

  Executor& executor() override { return executor_; }
  Transfer try_read(bytes::MutableByteSpan into) override;
  Transfer try_write(std::span<const bytes::ByteSpan> parts, bool more_follows) override;
  Transfer try_send_file(const FileRange& range, bool more_follows) override;
  void wait_readable(Mail& waiter) override;
  void wait_writable(Mail& waiter) override;
  bool cancel_wait(Mail& waiter) override;
  void close() override { connection_->close(side_, false); }
  void abort() override { connection_->close(side_, true); }
  bool is_closed() const override { return end().is_closed; }
  Address peer() const override { return connection_->end(1 - side_).address; }
  Address local() const override { return end().address; }

 private:
  Connection::End& end() const { return connection_->end(side_); }

  std::shared_ptr<Connection> connection_;
  int side_;
  Executor& executor_;
};

}  // namespace semel::rt::sim
