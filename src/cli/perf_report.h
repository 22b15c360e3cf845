// What `semel perf` measured, as a table for people (one column per run) or a line of JSON per run.
#pragma once

#include <optional>
#include <span>
#include <string>

#include <nlohmann/json.hpp>

#include "cli/output.h"
#include "metrics/histogram.h"

namespace semel::cli {

struct PerfResult {
  std::string title;                // of its column
  nlohmann::ordered_json settings;  // what it was measured with
  uint64_t records = 0;
  uint64_t failed = 0;
  uint64_t bytes = 0;  // of keys and values
  double seconds = 0;
  std::optional<metrics::HistogramSnapshot> latency_ns;
  std::optional<double> first_record_ms;  // from the first request to the first record

  double per_second(uint64_t count) const {
    return seconds > 0 ? static_cast<double>(count) / seconds : 0;
  }
};

/// 1234567 → "1,234,567"
std::string grouped(uint64_t number);
void print_perf(std::span<const PerfResult> results, bool is_json, Output& output);

}  // namespace semel::cli
