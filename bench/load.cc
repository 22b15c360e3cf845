// semel_load: a load of raw requests on any broker that speaks Kafka's protocol, and what it cost.
// One thread; requests are made once and patched in place, so that the broker is what is measured.
#include <cstdio>

#include <fmt/format.h>
#include <sys/prctl.h>

#include "bench/load_run.h"

namespace semel::bench {
namespace {

std::string quantiles(const char* name, const metrics::Histogram& histogram) {
  const metrics::HistogramSnapshot all = histogram.snapshot();
  const auto us = [](uint64_t ns) { return static_cast<double>(ns) / 1e3; };
  return fmt::format(
      "\"{}_us\":{{\"count\":{},\"mean\":{:.1f},\"p50\":{:.1f},\"p90\":{:.1f},\"p99\":{:.1f},"
      "\"p999\":{:.1f},"
      "\"p9999\":{:.1f},\"max\":{:.1f}}}",
      name, all.count(), all.mean() / 1e3, us(all.quantile(0.5)), us(all.quantile(0.9)),
      us(all.quantile(0.99)), us(all.quantile(0.999)), us(all.quantile(0.9999)), us(all.max()));
}

int64_t error_count(const LoadCounts& counts) {
  int64_t total = 0;
  for (const auto& [code, times] : counts.errors) {
    fmt::print(stderr, "semel_load: error {} was answered {} times\n", code, times);
    total += times;
  }
  return total;
}

int run(const LoadOptions& options) {
  LoadRun load(options);
  const bool is_fetch = options.mode == LoadMode::kFetch;
  const int64_t warm_up = is_fetch ? 1 : options.warm_up;
  LoadCounts warm;
  if (warm_up > 0) load.stretch(warm_up, warm);
  LoadCounts counts;
  const Span span = load.stretch(is_fetch ? options.passes : options.requests, counts);
  const int64_t errors = error_count(counts) + error_count(warm);
  fmt::print(
      "{{\"requests\":{},\"errors\":{},\"bytes_sent\":{},\"bytes_received\":{},\"fetches\":{},"
      "\"seconds\":{:.6f},"
      "\"broker_cpu_seconds\":{:.6f},\"own_cpu_seconds\":{:.6f},{},{},{}}}\n",
      counts.requests, errors, counts.bytes_sent, counts.bytes_received, counts.fetches,
      span.seconds, span.broker_cpu_seconds, span.own_cpu_seconds,
      quantiles("latency", counts.latency), quantiles("delivery", counts.delivery),
      quantiles("lateness", counts.lateness));
  return errors == 0 ? 0 : 1;
}

}  // namespace
}  // namespace semel::bench

int main(int argc, char** argv) {
  const auto options = semel::bench::parse_load_options(argc, argv);
  if (!options) {
    fmt::print(stderr, "semel_load: {}\n{}", options.error().context, semel::bench::load_usage());
    return 2;
  }
  ::prctl(PR_SET_TIMERSLACK, 1000);
  return semel::bench::run(*options);
}
