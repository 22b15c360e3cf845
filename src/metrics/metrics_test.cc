#include <algorithm>
#include <random>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "metrics/prometheus.h"
#include "metrics/registry.h"

namespace semel::metrics {
namespace {

using ::testing::HasSubstr;

TEST(Counter, SumsItsShards) {
  Counter counter;
  {
    std::vector<std::jthread> threads;
    for (uint32_t t = 0; t < 20; ++t) {
      threads.emplace_back([&counter, t] {
        set_thread_shard(t);  // 16 to 19 share a shard with 0 to 3
        for (int i = 0; i < 10'000; ++i) counter.add();
        counter.add(5);
      });
    }
  }
  EXPECT_EQ(counter.value(), 20 * 10'005);
}

TEST(Gauge, IsSetAndMoved) {
  Gauge gauge;
  gauge.set(10);
  gauge.move(-15);
  EXPECT_EQ(gauge.value(), -5);
}

TEST(Histogram, BucketsCoverAllValuesInOrder) {
  uint64_t expected_first = 0;
  for (size_t bucket = 0; bucket < Histogram::kBuckets; ++bucket) {
    const uint64_t last = Histogram::last_of(bucket);
    ASSERT_GE(last, expected_first);
    ASSERT_EQ(Histogram::bucket_of(expected_first), bucket);
    ASSERT_EQ(Histogram::bucket_of(last), bucket);
    ASSERT_LE((last - expected_first) * 32, std::max<uint64_t>(expected_first, 1)) << bucket;
    expected_first = last + 1;
  }
  EXPECT_EQ(expected_first, Histogram::kTop + 1);
}

TEST(Histogram, QuantilesAreWithinABucket) {
  Histogram histogram;
  std::mt19937_64 random(3);
  std::vector<uint64_t> values;
  for (int i = 0; i < 20'000; ++i) {
    values.push_back(random() >> (24 + random() % 40));
    histogram.record(values.back());
  }
  std::ranges::sort(values);
  const HistogramSnapshot snapshot = histogram.snapshot();
  EXPECT_EQ(snapshot.count(), values.size());
  EXPECT_EQ(snapshot.max(), values.back());
  EXPECT_EQ(snapshot.quantile(1), values.back());
  for (const double q : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999}) {
    const uint64_t exact = values[static_cast<size_t>(std::ceil(q * 20'000)) - 1];
    const uint64_t found = snapshot.quantile(q);
    EXPECT_GE(found, exact);
    EXPECT_LE(found - exact, exact / 32 + 1) << q;
  }
  for (const unsigned exponent : {5u, 10u, 20u, 39u, 42u, 60u}) {
    const auto end = std::ranges::lower_bound(values, 1ull << exponent);
    EXPECT_EQ(snapshot.count_below_power(exponent), end - values.begin());
  }
}

TEST(Histogram, IsEmptyAtFirstAndHoldsTooLargeValues) {
  Histogram histogram;
  EXPECT_EQ(histogram.snapshot().quantile(0.5), 0u);
  EXPECT_EQ(histogram.snapshot().mean(), 0);
  histogram.record(~0ull);
  EXPECT_EQ(histogram.snapshot().max(), Histogram::kTop);
  EXPECT_EQ(histogram.snapshot().quantile(0.5), Histogram::kTop);
}

TEST(Histogram, LosesNothingUnderThreads) {
  Histogram histogram;
  {
    std::vector<std::jthread> threads;
    for (uint32_t t = 0; t < 6; ++t) {
      threads.emplace_back([&histogram, t] {
        set_thread_shard(t / 2);
        for (uint64_t i = 1; i <= 5000; ++i) histogram.record(i);
      });
    }
  }
  const HistogramSnapshot snapshot = histogram.snapshot();
  EXPECT_EQ(snapshot.count(), 30'000u);
  EXPECT_EQ(snapshot.sum(), 6u * 5000 * 5001 / 2);
  EXPECT_EQ(snapshot.max(), 5000u);
}

TEST(Registry, FindsWhatItCreated) {
  Registry registry;
  Counter& first = registry.counter({"a_total", "help"}, {{"topic", "t"}, {"kind", "x"}});
  Counter& same = registry.counter({"a_total", "other help"}, {{"kind", "x"}, {"topic", "t"}});
  Counter& other = registry.counter({"a_total", "help"}, {{"topic", "u"}});
  EXPECT_EQ(&first, &same);
  EXPECT_NE(&first, &other);
  EXPECT_EQ(registry.list().size(), 2u);
  registry.retire("topic", "t");
  ASSERT_EQ(registry.list().size(), 1u);
  EXPECT_EQ(registry.list()[0]->labels, (Labels{{"topic", "u"}}));
  EXPECT_EQ(&registry.counter({"a_total", "help"}, {{"topic", "t"}, {"kind", "x"}}), &first);
  EXPECT_EQ(registry.list().size(), 2u);
}

TEST(Registry, CreatesEachMetricOnceUnderThreads) {
  Registry registry;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&registry] {
        for (int i = 0; i < 2000; ++i) {
          registry.counter({"a_total", "help"}, {{"i", std::to_string(i % 500)}}).add();
        }
      });
    }
  }
  const auto metrics = registry.list();
  EXPECT_EQ(metrics.size(), 500u);
  for (const auto* metric : metrics) EXPECT_EQ(std::get<Counter>(metric->value).value(), 16);
}

TEST(RegistryDeathTest, RefusesAnotherKindAndBadNames) {
  Registry registry;
  registry.counter({"a_total", "help"});
  EXPECT_DEATH(registry.gauge({"a_total", "help"}), "another kind");
  EXPECT_DEATH(registry.gauge({"a-b", "help"}), "not a name");
}

TEST(Prometheus, WritesEveryKind) {
  Registry registry;
  registry.counter({"semel_requests_total", "Requests."}, {{"api", "Produce"}}).add(3);
  registry.counter({"semel_requests_total", "Requests."}, {{"api", "Fetch\"\\\n"}}).add(2);
  registry.gauge({"semel_connections", "Open \\ now\nand then."}).set(7);
  registry.gauge_function({"semel_load", "Computed."}, [] { return 0.5; });
  Histogram& latency = registry.histogram({"semel_latency_seconds", "Latency.", 1e-9});
  latency.record(31);
  latency.record(32);
  latency.record(1'000'000);
  std::string text;
  to_prometheus(registry, text);
  EXPECT_THAT(text, HasSubstr("# HELP semel_connections Open \\\\ now\\nand then.\n"
                              "# TYPE semel_connections gauge\n"
                              "semel_connections 7\n"));
  EXPECT_THAT(text, HasSubstr("# HELP semel_requests_total Requests.\n"
                              "# TYPE semel_requests_total counter\n"
                              "semel_requests_total{api=\"Fetch\\\"\\\\\\n\"} 2\n"
                              "semel_requests_total{api=\"Produce\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE semel_load gauge\nsemel_load 0.5\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE semel_latency_seconds histogram\n"
                              "semel_latency_seconds_bucket{le=\"3.2e-08\"} 1\n"
                              "semel_latency_seconds_bucket{le=\"6.4e-08\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("semel_latency_seconds_bucket{le=\"0.001048576\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("semel_latency_seconds_bucket{le=\"+Inf\"} 3\n"
                              "semel_latency_seconds_sum 0.001000063\n"
                              "semel_latency_seconds_count 3\n"));
}

}  // namespace
}  // namespace semel::metrics
