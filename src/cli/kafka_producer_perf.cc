#include "cli/kafka_producer_perf.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "cli/argparse.h"
#include "cli/client_session.h"
#include "cli/client_settings.h"
#include "cli/kafka_producer_usage.h"
#include "cli/load.h"

namespace semel::cli {
namespace {

using Kind = ArgparseOption::Kind;

constexpr const char* kProgram = "kafka-producer-perf-test";
constexpr size_t kSamplesMax = 500'000;

constexpr ArgparseOption kOptions[] = {{"-h", Kind::kFlag},
                                       {"--help", Kind::kFlag},
                                       {"--bootstrap-server"},
                                       {"--topic", Kind::kText, true},
                                       {"--num-records", Kind::kLong, true},
                                       {"--record-size", Kind::kInteger, false, "payload", true},
                                       {"--payload-file", Kind::kText, false, "payload"},
                                       {"--payload-monotonic", Kind::kFlag, false, "payload"},
                                       {"--payload-delimiter"},
                                       {"--throughput", Kind::kDouble, true},
                                       {"--producer-props", Kind::kMany},
                                       {"--command-property", Kind::kMany},
                                       {"--producer.config"},
                                       {"--command-config"},
                                       {"--print-metrics", Kind::kFlag},
                                       {"--transactional-id"},
                                       {"--transaction-duration-ms", Kind::kLong},
                                       {"--warmup-records", Kind::kLong},
                                       {"--reporting-interval", Kind::kLong}};

struct Plan {
  LoadPlan load;
  int64_t warmup = 0;
  client::Milliseconds interval{5'000};
  size_t record_size = 0;  // of the latest record, if they differ
};

/// Kafka's Stats: a window for the lines on the way, samples for the percentiles.
class Stats {
 public:
  Stats(int64_t records, bool is_steady, rt::Instant start)
      : sampling_(std::max<int64_t>(1, records / static_cast<int64_t>(kSamplesMax))),
        is_steady_(is_steady),
        start_(start),
        window_start_(start) {
    samples_.reserve(static_cast<size_t>(records / sampling_) + 1);
  }

  void add(double latency_ms, size_t bytes) {
    if (count_ % sampling_ == 0) samples_.push_back(static_cast<int32_t>(latency_ms));
    ++count_;
    bytes_ += bytes;
    total_ms_ += latency_ms;
    max_ms_ = std::max(max_ms_, latency_ms);
    ++window_.count;
    window_.bytes += bytes;
    window_.total_ms += latency_ms;
    window_.max_ms = std::max(window_.max_ms, latency_ms);
  }
  int64_t count() const { return count_; }

  std::string take_window(rt::Instant now) {
    const double seconds = std::max(1e-3, static_cast<double>((now - window_start_).count()) / 1e9);
    const double count = static_cast<double>(window_.count);
    std::string line = fmt::format(
        "{} records sent, {:.1f} records/sec ({:.2f} MB/sec), {:.1f} ms avg latency, {:.1f} ms max "
        "latency.\n",
        window_.count, count / seconds, static_cast<double>(window_.bytes) / seconds / 1048576.0,
        window_.count == 0 ? 0.0 : window_.total_ms / count, window_.max_ms);
    window_ = {};
    window_start_ = now;
    return line;
  }
  rt::Instant window_start() const { return window_start_; }

  std::string total(rt::Instant now) {
    std::sort(samples_.begin(), samples_.end());
    const auto percentile = [&](double p) {
      if (samples_.empty()) return 0;
      return samples_[std::min(samples_.size() - 1,
                               static_cast<size_t>(p * static_cast<double>(samples_.size())))];
    };
    const double seconds = std::max(1e-3, static_cast<double>((now - start_).count()) / 1e9);
    const double count = static_cast<double>(count_);
    return fmt::format(
        "{}{} records sent, {:f} records/sec ({:.2f} MB/sec), {:.2f} ms avg latency, {:.2f} ms max "
        "latency, {} ms 50th, "
        "{} ms 95th, {} ms 99th, {} ms 99.9th.\n",
        count_, is_steady_ ? " steady state" : "", count / seconds,
        static_cast<double>(bytes_) / seconds / 1048576.0, count_ == 0 ? 0.0 : total_ms_ / count,
        max_ms_, percentile(0.5), percentile(0.95), percentile(0.99), percentile(0.999));
  }

 private:
  struct Window {
    int64_t count = 0;
    size_t bytes = 0;
    double total_ms = 0;
    double max_ms = 0;
  };
  int64_t sampling_;
  bool is_steady_;
  rt::Instant start_;
  rt::Instant window_start_;
  std::vector<int32_t> samples_;
  int64_t count_ = 0;
  size_t bytes_ = 0;
  double total_ms_ = 0;
  double max_ms_ = 0;
  Window window_;
};

/// Prints lines on the way and at the end, as Kafka's tool does.
class Measurement final : public LoadListener {
 public:
  Measurement(const Plan& plan, Output& output) : plan_(plan), output_(output) {}

  void on_begin(rt::Instant now) override {
    total_.emplace(plan_.load.records_max, false, now);
    if (plan_.warmup > 0)
      output_.out(
          fmt::format("Warmup first {} records. Steady state results will print after the complete "
                      "test summary.\n",
                      plan_.warmup));
  }
  void on_failed(const Error& error) override {
    if (failures_++ < 10) output_.err(java_text(error) + "\n");
  }
  void on_stored(rt::Instant sent, rt::Instant now) override {
    const double ms = static_cast<double>((now - sent).count()) / 1e6;
    total_->add(ms, plan_.record_size);
    if (plan_.warmup > 0 && total_->count() > plan_.warmup) {
      if (!steady_) steady_.emplace(plan_.load.records_max - plan_.warmup, true, now);
      steady_->add(ms, plan_.record_size);
    }
    if (now - total_->window_start() < plan_.interval) return;
    output_.out(total_->take_window(now));
    std::fflush(stdout);
  }
  void print_total(rt::Instant now) {
    output_.out(total_->total(now));
    if (steady_) output_.out(steady_->total(now));
  }

 private:
  const Plan& plan_;
  Output& output_;
  std::optional<Stats> total_;
  std::optional<Stats> steady_;
  int64_t failures_ = 0;
};

/// What argparse4j cannot check; Kafka's texts.
Result<void> check(const ArgparseArguments& given) {
  const auto refuse_if = [](bool is_wrong, const char* why) -> Result<void> {
    if (!is_wrong) return {};
    return fail(ErrorCode::kInvalidRequest, why);
  };
  const bool has_settings = given.has("--command-property") || given.has("--producer-props") ||
                            given.has("--producer.config") || given.has("--command-config");
  SEMEL_CHECK(refuse_if(given.number("--num-records", 0) <= 0,
                        "--num-records should be greater than zero."));
  SEMEL_CHECK(refuse_if(given.number("--warmup-records", 0) >= given.number("--num-records", 0),
                        "The value for --warmup-records must be strictly fewer than the number of "
                        "records in the test, --num-records."));
  SEMEL_CHECK(refuse_if(given.number("--record-size", 1) <= 0,
                        "--record-size should be greater than zero."));
  SEMEL_CHECK(refuse_if(!given.has("--bootstrap-server") && !has_settings,
                        "At least one of --bootstrap-server, --command-property, --producer-props, "
                        "--producer.config or --command-config must be specified."));
  SEMEL_CHECK(refuse_if(given.has("--command-property") && given.has("--producer-props"),
                        "--command-property and --producer-props cannot be specified together."));
  SEMEL_CHECK(refuse_if(given.has("--command-config") && given.has("--producer.config"),
                        "--command-config and --producer.config cannot be specified together."));
  SEMEL_CHECK(refuse_if(given.has("--transactional-id") || given.has("--transaction-duration-ms"),
                        "semel's producer has no transactions; leave --transactional-id and "
                        "--transaction-duration-ms out."));
  return refuse_if(given.number("--reporting-interval", 1) <= 0,
                   "--reporting-interval should be greater than zero.");
}

/// One of them is drawn per record. Error: kInvalidRequest (none in the file).
Result<std::vector<std::string>> read_payloads(const ArgparseArguments& given, rt::Disk& disk) {
  SEMEL_TRY(const auto text, rt::read_file(disk, given.text("--payload-file"), 256u << 20));
  std::string delimiter =
      given.has("--payload-delimiter") ? given.text("--payload-delimiter") : "\n";
  if (delimiter == "\\n") delimiter = "\n";
  std::vector<std::string> payloads;
  for (std::string_view rest = text.text(); !rest.empty();) {
    const std::string_view part = rest.substr(0, rest.find(delimiter));
    rest.remove_prefix(std::min(rest.size(), part.size() + delimiter.size()));
    if (!part.empty()) payloads.emplace_back(part);
  }
  if (payloads.empty())
    return fail(ErrorCode::kInvalidRequest, "File does not exist or empty file provided.");
  return payloads;
}

/// `plan` keeps its place: the values refer to it.
Result<void> fill_plan(Plan& plan, const ArgparseArguments& given, rt::Runtime& runtime) {
  plan.load.topic = given.text("--topic");
  plan.load.records_max = given.number("--num-records", 0);
  plan.load.rate = given.real("--throughput", -1);
  plan.warmup = given.number("--warmup-records", 0);
  plan.interval = client::Milliseconds{given.number("--reporting-interval", 5'000)};
  rt::Random& random = *runtime.random;
  if (given.has("--payload-file")) {
    SEMEL_TRY(auto payloads, read_payloads(given, *runtime.disk));
    plan.load.value = [&plan, &random, payloads = std::move(payloads)](int64_t) {
      const std::string& one = payloads[random.below(payloads.size())];
      plan.record_size = one.size();
      return std::string_view(one);
    };
  } else if (given.has("--payload-monotonic")) {
    plan.load.value = [&plan, text = std::string()](int64_t i) mutable {
      text = std::to_string(i);
      plan.record_size = text.size();
      return std::string_view(text);
    };
  } else {
    plan.record_size = static_cast<size_t>(given.number("--record-size", 0));
    std::string letters(plan.record_size, 'A');
    for (char& c : letters) c = static_cast<char>('A' + random.below(26));
    plan.load.value = [letters = std::move(letters)](int64_t) { return std::string_view(letters); };
  }
  return {};
}

Result<Settings> make_settings(const ArgparseArguments& given, rt::Disk& disk) {
  Settings settings;
  for (const char* file : {"--producer.config", "--command-config"})
    if (given.has(file)) SEMEL_CHECK(add_settings_file(settings, disk, given.text(file)));
  SEMEL_CHECK(add_settings_words(settings, given.values("--producer-props")));
  SEMEL_CHECK(add_settings_words(settings, given.values("--command-property")));
  if (given.has("--bootstrap-server"))
    put_setting(settings, "bootstrap.servers", given.text("--bootstrap-server"));
  if (!has_setting(settings, "client.id"))
    put_setting(settings, "client.id", "perf-producer-client");
  return settings;
}

}  // namespace

int run_kafka_producer_perf(std::span<const std::string> words, rt::Runtime& runtime,
                            Output& output) {
  const bool wants_help = std::find(words.begin(), words.end(), "--help") != words.end() ||
                          std::find(words.begin(), words.end(), "-h") != words.end();
  if (words.empty() || wants_help) {
    output.out(fmt::format("{}{}", kProducerPerfUsage, kProducerPerfHelp));
    return words.empty() ? 0 : 1;
  }
  const auto refuse = [&](const Error& error) {
    output.err(kProducerPerfUsage + argparse_error(kProgram, error.context));
    return 1;
  };
  const auto given = ArgparseArguments::parse(kOptions, words);
  if (!given) return refuse(given.error());
  if (const auto checked = check(*given); !checked) return refuse(checked.error());
  constexpr std::pair<const char*, const char*> kOld[] = {
      {"--producer-props", "--command-property"}, {"--producer.config", "--command-config"}};
  for (const auto& [old_name, name] : kOld)
    if (given->has(old_name))
      output.out(
          fmt::format("Option {} has been deprecated and will be removed in a future version. Use "
                      "{} instead.\n",
                      old_name, name));
  Plan plan;
  if (const auto filled = fill_plan(plan, *given, runtime); !filled) return refuse(filled.error());
  const auto settings = make_settings(*given, *runtime.disk);
  if (!settings) return refuse(settings.error());
  auto config = client::ProducerConfig::from(*settings);
  if (!config) {
    output.err("Exception in thread \"main\" " + java_text(config.error()) + "\n");
    return 1;
  }
  auto session = ClientSession::open();
  if (!session) return refuse(session.error());
  Measurement measurement(plan, output);
  const auto done = run_load(**session, std::move(*config), plan.load, measurement);
  measurement.print_total((*session)->executor().clock().now());
  if (done) return 0;
  output.err(java_text(done.error()) + "\n");
  return 1;
}

}  // namespace semel::cli
