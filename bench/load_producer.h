// LoadProducer: one connection with up to `in flight` Produce requests.
#pragma once

#include <vector>

#include "bench/load_frames.h"
#include "bench/load_run.h"
#include "bench/load_socket.h"

namespace semel::bench {

class LoadProducer final : public LoadActor {
 public:
  LoadProducer(LoadRun& run, int32_t index);

  int fd() const override { return socket_.fd(); }
  void on_event(uint32_t events) override;
  /// Without answers, room in the socket is what the next request waits for.
  bool wants_to_write() const override {
    return socket_.has_unsent() || (run_.options().acks == 0 && run_.has_requests());
  }

  bool is_free() const { return sent_ - answered_ < static_cast<int64_t>(slots_.size()); }
  /// Starts what may be started now, and sends.
  void fill();

 private:
  struct Slot {
    ProduceFrame frame;
    int64_t intended_ns = 0;
  };
  void start(int64_t intended_ns);
  void address(ProduceFrame& frame);
  void answered(bytes::ByteSpan frame);
  void flush();

  LoadRun& run_;
  int32_t index_;
  LoadSocket socket_;
  std::vector<Slot> slots_;
  std::vector<int32_t> sequences_;  // of each partition, if idempotent
  int64_t sent_ = 0;
  int64_t answered_ = 0;
};

/// One connection that reads a partition in order, one Fetch at a time.
class LoadConsumer final : public LoadActor {
 public:
  LoadConsumer(LoadRun& run, int32_t index);

  int fd() const override { return socket_.fd(); }
  void on_event(uint32_t events) override;
  bool wants_to_write() const override { return socket_.has_unsent(); }

  /// `passes` > 0: reads to the end that often, from the start. 0: reads on at the end for ever.
  void begin(int64_t passes);
  /// Reads what is there, so that the next batch is the first of a stretch. Blocks.
  void catch_up();
  bool is_done() const { return passes_ == 0; }
  int64_t delivered() const { return delivered_; }

 private:
  void ask();
  FetchAnswer take(bytes::ByteSpan frame);
  void passed(const FetchAnswer& answer);
  void note_delivery(int64_t batches);

  LoadRun& run_;
  LoadSocket socket_;
  FetchFrame frame_;
  int32_t correlation_ = 0;
  int64_t offset_ = 0;
  int64_t passes_ = 0;
  int64_t delivered_ = 0;
  bool is_tail_ = false;
  bool is_asking_ = false;
};

}  // namespace semel::bench
