// Workload: what one kind of run does, from a small text file. Every number is a bound or a mean
// from which the seed draws; every fault is left out in a part of the seeds, so that they also meet
// alone.
//
//   partitions = 3          # a setting
//   fault kill every_ms=700 # a fault with its mean distance
//   expect fault: kill      # a probe that must have counted something
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace semel::sim {

/// The topic of every run.
inline constexpr std::string_view kTopic = "events";

struct FaultPlan {
  std::string name;
  int64_t every_ms = 1000;
  std::map<std::string, int64_t> numbers;
  int64_t number(const std::string& key, int64_t fallback) const {
    const auto found = numbers.find(key);
    return found == numbers.end() ? fallback : found->second;
  }
};

/// Whose code the clients of a run are.
enum class Driver : uint8_t {
  kWire,    // the simulator's own, with the real codecs: the protocol to its edges
  kNative,  // src/client
};

/// How native producers send; what that promises: sim/history.h.
enum class Delivery : uint8_t { kIdempotent, kAtLeastOnce, kAtMostOnce };

struct Workload {
  std::string name;
  Driver driver = Driver::kWire;
  Delivery delivery = Delivery::kIdempotent;
  int64_t brokers = 1;
  int64_t reactors = 2;
  int64_t partitions = 3;
  int64_t producers = 3;
  int64_t consumers = 1;
  int64_t records_per_batch = 4;
  int64_t value_bytes = 60;     // at most; the identity takes 16
  int64_t send_every_ms = 15;   // mean distance of a producer's batches per partition
  int64_t duration_ms = 3000;   // with faults
  int64_t settle_ms = 120'000;  // at most, after all faults are over
  int64_t request_timeout_ms = 1500;
  int64_t resend_ppm = 20'000;            // acknowledged batches that are sent once more
  int64_t wrap_ppm = 300'000;             // producers whose sequences start shortly before 2^31 − 1
  int64_t bump_ppm = 5'000;               // batches before which an idle producer takes a new epoch
  int64_t delivery_timeout_ms = 600'000;  // of native producers; shorter than the run: some give up
  int64_t disk_bytes = int64_t{1} << 40;
  std::string flush = "ack";  // semel.flush
  std::map<std::string, std::string> broker_settings;
  std::map<std::string, std::string> topic_settings;
  std::vector<FaultPlan> faults;
  /// Probes that must have counted something once enough seeds ran.
  std::vector<std::string> expected;

  /// True if the broker may lose acknowledged records: class `os` and power cuts.
  bool may_lose() const;
  /// True if native producers may give a record up before the run ends.
  bool may_give_up() const { return delivery_timeout_ms < settle_ms; }
  bool has_fault(std::string_view fault) const;
};

/// `driver = wire|native`, `delivery = idempotent|at_least_once|at_most_once`; `expect PROBE` names
/// a probe that some seed must have counted; `broker.KEY = VALUE` and `topic.KEY = VALUE` are
/// settings of the broker and of the topic. Unknown names are errors.
Result<Workload> parse_workload(std::string_view name, std::string_view text);

}  // namespace semel::sim
