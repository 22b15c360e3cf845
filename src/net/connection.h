// Connection: one peer. Cuts its bytes into frames, admits the requests in order, and sends the
// answers in order. A state machine without a coroutine: everything that happens calls pump().
//
// A frame's memory is reserved before its bytes are read, and what it becomes is taken of the
// reactor's MemoryShare before it begins, until its answer is sent; an idle connection holds none.
// At most ResponseQueue::kCapacity requests are in flight. A request that is not marked `overlaps`
// begins when all earlier ones are answered, and the next one begins when it is; the latter also
// holds for one that its handler makes a barrier.
#pragma once

#include <cstdint>
#include <memory>

#include "api/dispatch.h"
#include "net/memory_budget.h"
#include "net/memory_share.h"
#include "net/response_queue.h"
#include "net/response_writer.h"
#include "net/slab_pool.h"
#include "rt/network.h"

namespace semel::net {

/// Exchanges of one reactor, recycled.
class ExchangePool {
 public:
  static constexpr size_t kKept = 1024;
  ExchangePool() = default;
  ExchangePool(const ExchangePool&) = delete;
  ExchangePool& operator=(const ExchangePool&) = delete;
  ~ExchangePool();
  Exchange& take();
  void give_back(Exchange& exchange);

 private:
  Exchange* free_ = nullptr;
  size_t count_ = 0;
};

struct ConnectionTimes {
  rt::Duration idle = std::chrono::minutes(10);  // connections.max.idle.ms
  /// A frame of n bytes must arrive within frame_grace + n / frame_bytes_per_second.
  rt::Duration frame_grace = std::chrono::seconds(30);
  int64_t frame_bytes_per_second = 16 * 1024;
  /// While memory is short, a peer takes something of its answers within this time.
  rt::Duration answer_grace = std::chrono::seconds(5);
};

/// What the connections of one reactor share.
struct ConnectionShared {
  MemoryBudget& budget;
  MemoryShare& memory;
  SlabPool& slabs;
  ExchangePool& exchanges;
  SendScratch& scratch;
  int32_t frame_bytes_max;  // socket.request.max.bytes
  ConnectionTimes times;
};

class Connection final : private api::ResponseSink {
 public:
  /// Destroys the connection; called last, on its executor.
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void retire(Connection& connection) = 0;
  };

  /// On the stream's executor. `info.executor` and the addresses are set here.
  Connection(ConnectionShared& shared, const api::Dispatcher& dispatcher,
             std::unique_ptr<rt::Stream> stream, api::ConnectionInfo info, Owner& owner);
  ~Connection() override;

  void start();
  /// Ends it: requests in flight are cancelled and their answers dropped. Retires when they are
  /// done.
  void close(const char* why);
  /// Closes it if it broke a time limit.
  void check_times(rt::Instant now);
  const api::ConnectionInfo& info() const { return info_; }

  Connection* previous = nullptr;  // the owner's list
  Connection* next = nullptr;

 private:
  using Event = void (Connection::*)();
  /// Mail that calls one member function; `is_out` from posting to running.
  template <Event event, class Base = rt::Mail>
  struct Bell final : Base {
    explicit Bell(Connection& c) : connection(c) {}
    void run() override {
      is_out = false;
      (connection.*event)();
    }
    Connection& connection;
    bool is_out = false;
  };

  void finished(api::RequestContext& context) override;
  void on_readable();
  void on_writable();
  void on_pump();
  void on_reserved();
  void on_claimed();

  void pump();
  /// What stopped the last attempt to cut a frame.
  enum class Cut : uint8_t { kAdmitted, kBlocked, kNeedsBytes };
  /// One step of reading or admitting; false when nothing more can be done now.
  bool step();
  Cut cut_frame();
  Cut begin_or_keep(Exchange& exchange);
  bool may_begin(const api::ApiRow& row) const;
  Cut admit(Exchange& exchange);
  void mark_finished(Exchange& exchange);
  /// Makes room for the frame at begin_; false while it waits for memory.
  bool make_room();
  /// False while it waits for memory.
  bool move_to_new_slab(size_t size);
  void adopt(Slab slab);
  /// Size of the frame at begin_ with its length field, or 0 while that is unknown.
  size_t frame_size() const;
  bool read();
  void wait_for_bytes();
  void flush();
  void recycle(Exchange& exchange);
  rt::Instant now() const { return info_.executor->clock().now(); }
  bool has_bell_out() const {
    return readable_.is_out || writable_.is_out || pump_.is_out || reserved_.is_out ||
           claimed_.is_out;
  }
  void shut(const char* why);
  void retire_if_done();

  ConnectionShared& shared_;
  const api::Dispatcher& dispatcher_;
  std::unique_ptr<rt::Stream> stream_;
  api::ConnectionInfo info_;
  Owner& owner_;

  Slab slab_;  // holds the bytes [begin_, end_)
  size_t begin_ = 0;
  size_t end_ = 0;
  Exchange* routed_ = nullptr;  // cut and routed, waits for its turn or for memory
  ResponseQueue queue_;
  ResponseWriter writer_;
  size_t unfinished_ = 0;  // of queue_

  Bell<&Connection::on_readable> readable_{*this};
  Bell<&Connection::on_writable> writable_{*this};
  Bell<&Connection::on_pump> pump_{*this};
  Bell<&Connection::on_reserved, MemoryBudget::Waiter> reserved_{*this};
  Bell<&Connection::on_claimed, MemoryShare::Waiter> claimed_{*this};

  static constexpr rt::Instant kNoFrame{-1};
  rt::Instant last_activity_;
  rt::Instant blocked_since_;           // while writable_ is out
  rt::Instant frame_began_ = kNoFrame;  // when the incomplete frame at begin_ was first seen
  int reads_left_ = 0;                  // of this turn; then other connections have theirs
  bool may_be_readable_ = false;
  bool barrier_runs_ = false;
  bool takes_requests_ = true;  // false after a protocol violation
  bool is_pumping_ = false;
  bool is_closed_ = false;
};

}  // namespace semel::net
