#include "cli/perf_report.h"

#include <gtest/gtest.h>

namespace semel::cli {
namespace {

PerfResult result_with(uint64_t records, std::initializer_list<uint64_t> latencies_ms) {
  PerfResult result;
  result.title = "run";
  result.settings = {{"test", "produce"}};
  result.records = records;
  result.bytes = records * 1048576;
  result.seconds = 2;
  metrics::Histogram latency;
  for (const uint64_t ms : latencies_ms) latency.record(ms * 1'000'000);
  result.latency_ns = latency.snapshot();
  return result;
}

TEST(PerfReport, GroupsDigits) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(1234567), "1,234,567");
  EXPECT_EQ(grouped(123456), "123,456");
}

TEST(PerfReport, OneColumnPerRun) {
  PerfResult results[] = {result_with(1000, {1, 1, 1, 100}), result_with(20, {})};
  results[1].failed = 3;
  CapturedOutput output;
  print_perf(results, false, output);
  EXPECT_EQ(output.stdout_text,
            "                      run    run\n"
            "records             1,000     20\n"
            "failed                  0      3\n"
            "seconds              2.00   2.00\n"
            "records/s             500     10\n"
            "MiB/s               500.0   10.0\n"
            "latency p50   ms     1.02   0.00\n"
            "        p90   ms   100.00   0.00\n"
            "        p99   ms   100.00   0.00\n"
            "        p99.9 ms   100.00   0.00\n"
            "        max   ms   100.00   0.00\n");
}

TEST(PerfReport, OneObjectPerRunAndNothingByZero) {
  PerfResult results[] = {result_with(10, {2}), {}};
  results[1].settings = {{"test", "consume"}};
  results[1].first_record_ms = 1.5;
  CapturedOutput output;
  print_perf(results, true, output);
  EXPECT_EQ(
      output.stdout_text,
      R"({"test":"produce","records":10,"failed":0,"bytes":10485760,"seconds":2.0,)"
      R"("recordsPerSecond":5.0,"bytesPerSecond":5242880.0,"latencyMs":{"mean":2.0,"p50":2.0,)"
      R"("p90":2.0,"p99":2.0,"p99.9":2.0,"max":2.0}})"
      "\n"
      R"({"test":"consume","records":0,"failed":0,"bytes":0,"seconds":0.0,)"
      R"("recordsPerSecond":0.0,"bytesPerSecond":0.0,"firstRecordMs":1.5})"
      "\n");
}

}  // namespace
}  // namespace semel::cli
