// LoadRun: one measured stretch of load over connections that stay open from stretch to stretch.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "bench/load_meter.h"
#include "bench/load_options.h"
#include "metrics/histogram.h"

namespace semel::bench {

/// Something that epoll wakes up.
class LoadActor {
 public:
  virtual ~LoadActor() = default;
  virtual int fd() const = 0;
  virtual void on_event(uint32_t events) = 0;
  /// Has bytes that the kernel did not take yet.
  virtual bool wants_to_write() const = 0;

  bool is_write_watched = false;  // LoadRun's own
};

class LoadProducer;
class LoadConsumer;

/// What one stretch counted. Latencies in ns: of a request from the moment at which it was to be
/// sent (open loop) or was given to the socket (closed loop) to its answer; of a delivery from the
/// moment at which the batch was to be sent to its arrival at one consumer.
struct LoadCounts {
  int64_t requests = 0;
  int64_t bytes_sent = 0;      // of batches
  int64_t bytes_received = 0;  // of batches
  int64_t fetches = 0;
  std::map<int16_t, int64_t> errors;  // Kafka's code → how often
  metrics::Histogram latency;
  metrics::Histogram delivery;
  metrics::Histogram lateness;  // open loop: how late this process itself was
};

class LoadRun {
 public:
  explicit LoadRun(const LoadOptions& options);
  ~LoadRun();

  /// Sends `requests` (produce, fan-out) or reads `passes` times to the end (fetch), and waits
  /// until everything has come back. Fills `counts`.
  Span stretch(int64_t amount, LoadCounts& counts);

  // For the connections:
  const LoadOptions& options() const { return options_; }
  LoadCounts& counts() { return *counts_; }
  /// Closed loop: takes one of the requests that are still to be sent.
  bool take_request();
  bool has_requests() const { return options_.rate > 0 ? !arrivals_.empty() : taken_ < amount_; }
  /// Open loop: takes the request that has waited longest; 0 if none is due.
  int64_t take_arrival();
  /// Called for each answered request, or each sent one if there are no answers.
  void completed() { ++completed_; }
  /// Has epoll tell when there is room for what the kernel did not take; after each send.
  void sent(LoadActor& actor);
  /// The number of this request among all of the run.
  int64_t next_number() { return number_++; }
  /// Fan-out: when batch `index` of this stretch was to be sent.
  void note_sent(int64_t intended_ns);
  int64_t sent_at(int64_t index) const { return sent_at_[static_cast<size_t>(index)]; }

 private:
  void loop_once();
  void add_arrivals();
  int64_t wait_ns() const;
  bool is_over() const;
  void watch(LoadActor& actor, uint32_t events, int operation);

  LoadOptions options_;
  int epoll_;
  std::vector<std::unique_ptr<LoadProducer>> producers_;
  std::vector<std::unique_ptr<LoadConsumer>> consumers_;
  LoadCounts* counts_ = nullptr;
  int64_t amount_ = 0;
  int64_t taken_ = 0;
  int64_t completed_ = 0;
  int64_t number_ = 0;
  int64_t started_ns_ = 0;
  int64_t arrived_ = 0;
  size_t next_producer_ = 0;
  std::deque<int64_t> arrivals_;
  std::vector<int64_t> sent_at_;
};

}  // namespace semel::bench
