#include "cli/perf_command.h"

#include <optional>

#include <fmt/format.h>

#include "cli/client_options.h"
#include "cli/help.h"
#include "cli/load.h"
#include "cli/perf_report.h"
#include "cli/receiving.h"
#include "cli/topic_command.h"
#include "client/admin.h"

namespace semel::cli {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  semel topic create load -p 4              a topic for it\n"
    "  semel perf produce load                   a million records, as fast as they go\n"
    "  semel perf consume load                   all of them back\n"
    "  semel perf latency load --rate 5000       how long one takes, at 5,000 a second\n";
constexpr const char* kProduceExamples =
    "Examples:\n"
    "  semel perf produce load\n"
    "  semel perf produce load --idempotence both        with and without, side by side\n"
    "  semel perf produce load -n 100000 -s 1024 --codec lz4 --linger 20 --batch-size 131072\n"
    "  semel perf produce load --acks 1 --in-flight 1 -d 10 -o json\n"
    "\n"
    "Without --rate latency is mostly the time in the producer's own buffer; see semel perf "
    "latency.\n";
constexpr const char* kLatencyExamples =
    "Examples:\n"
    "  semel perf latency load\n"
    "  semel perf latency load --rate 20000 -d 30 --linger 0\n"
    "  semel perf latency load --idempotence both -o json\n"
    "\n"
    "A record's time runs from when it is due at the rate to its acknowledgement, whether the\n"
    "producer kept up or not: a stall of the broker shows in every record that it delays.\n";
constexpr const char* kConsumeExamples =
    "Examples:\n"
    "  semel perf consume load\n"
    "  semel perf consume load -n 100000 -p 0\n"
    "  semel perf consume load --set fetch.min.bytes=100000 -o json\n";

struct Options : TopicOptions {
  std::optional<int64_t> records;
  std::optional<double> seconds;
  double warmup_seconds = 0;
  double rate = 0;
  size_t size = 100;
  std::string idempotence;
  std::optional<int32_t> partition;
  bool is_quiet = false;
  /// Flags that stand for a producer setting.
  std::vector<std::pair<std::string, std::string>> producer_settings = {
      {"acks", ""},
      {"linger.ms", ""},
      {"batch.size", ""},
      {"compression.type", ""},
      {"max.in.flight.requests.per.connection", ""}};
};

rt::Duration seconds_of(double seconds) {
  return rt::Duration{static_cast<int64_t>(seconds * 1e9)};
}
double seconds_of(rt::Duration duration) { return static_cast<double>(duration.count()) / 1e9; }

/// A line each second on standard error.
class Progress {
 public:
  Progress(bool is_quiet, Output& output) : is_quiet_(is_quiet), output_(output) {}

  void begin(rt::Instant now) { start_ = last_ = now; }
  void add(uint64_t records, uint64_t bytes, rt::Instant now) {
    records_ += records;
    bytes_ += bytes;
    if (is_quiet_ || now - last_ < std::chrono::seconds(1)) return;
    const double seconds = seconds_of(now - last_);
    output_.err(fmt::format("{:4.0f} s  {:>11} records/s  {:7.1f} MiB/s\n",
                            seconds_of(now - start_),
                            grouped(static_cast<uint64_t>(static_cast<double>(records_) / seconds)),
                            static_cast<double>(bytes_) / seconds / 1048576));
    records_ = bytes_ = 0;
    last_ = now;
  }

 private:
  bool is_quiet_;
  Output& output_;
  rt::Instant start_;
  rt::Instant last_;
  uint64_t records_ = 0;
  uint64_t bytes_ = 0;
};

class Meter final : public LoadListener {
 public:
  Meter(const Options& options, Output& output)
      : options_(options), progress_(options.is_quiet, output) {}

  void on_begin(rt::Instant now) override {
    counted_from_ = end_ = now + seconds_of(options_.warmup_seconds);
    progress_.begin(now);
  }
  void on_stored(rt::Instant sent, rt::Instant now) override {
    progress_.add(1, options_.size, now);
    if (sent < counted_from_) return;
    latency_.record(static_cast<uint64_t>((now - sent).count()));
    ++stored_;
    end_ = now;
  }
  void on_failed(const Error& error) override {
    ++failed_;
    if (!first_failure_) first_failure_ = error;
  }

  void put_into(PerfResult& result) const {
    result.records = stored_;
    result.failed = failed_;
    result.bytes = stored_ * options_.size;
    result.seconds = seconds_of(end_ - counted_from_);
    result.latency_ns = latency_.snapshot();
  }
  const std::optional<Error>& first_failure() const { return first_failure_; }

 private:
  const Options& options_;
  Progress progress_;
  rt::Instant counted_from_;
  rt::Instant end_;
  uint64_t stored_ = 0;
  uint64_t failed_ = 0;
  std::optional<Error> first_failure_;
  metrics::Histogram latency_;
};

class PerfCommand {
 public:
  PerfCommand(const Options& options, rt::Runtime& runtime, Output& output)
      : options_(options), runtime_(runtime), output_(output) {}

  Result<int> produce() { return send("produce"); }
  Result<int> latency() { return send("latency"); }

  Result<int> consume() {
    SEMEL_TRY(Settings settings, base_settings());
    put_setting(settings, "allow.auto.create.topics", "false");
    SEMEL_TRY(auto config, take_config(client::ConsumerConfig::from(settings), "perf", output_));
    SEMEL_TRY(auto session, ClientSession::open(true));
    SEMEL_TRY(const int32_t partitions, partition_count(*session, config.connection));
    PerfResult result;
    result.title = options_.topic;
    result.settings = {{"test", "consume"}, {"topic", options_.topic}, {"partitions", partitions}};
    SEMEL_CHECK(read(*session, std::move(config), result));
    if (options_.records && result.records < static_cast<uint64_t>(*options_.records))
      note(fmt::format("the topic has no more than these {} records", grouped(result.records)));
    print_perf({&result, 1}, options_.is_json(), output_);
    return kOk;
  }

 private:
  void note(std::string_view text) { output_.err(fmt::format("semel perf: {}\n", text)); }
  void warn(const std::vector<std::string>& warnings) {
    for (const std::string& warning : warnings) note(warning);
  }

  Result<Settings> base_settings() {
    return options_.read_settings({{"client.id", "semel-perf"}}, *runtime_.disk);
  }

  Result<client::ProducerConfig> producer_config(std::string_view idempotence) {
    SEMEL_TRY(Settings settings, base_settings());
    for (const auto& [key, value] : options_.producer_settings)
      if (!value.empty()) put_setting(settings, key, value);
    if (!idempotence.empty())
      put_setting(settings, "enable.idempotence", idempotence == "on" ? "true" : "false");
    auto config = client::ProducerConfig::from(settings);
    if (!config) return fail(ErrorCode::kInvalidConfig, config.error().text);
    return std::move(*config);
  }

  static rt::Task<Result<gen::MetadataResponse>> ask(ClientSession& session,
                                                     client::ConnectionSettings settings,
                                                     std::string topic) {
    client::Admin admin(session.environment(), std::move(settings));
    const std::vector<std::string> names{std::move(topic)};
    auto response = co_await admin.metadata(&names);
    co_await admin.close();
    co_return response;
  }

  Result<int32_t> partition_count(ClientSession& session,
                                  const client::ConnectionSettings& settings) {
    SEMEL_TRY(const auto response, session.run(ask(session, settings, options_.topic)));
    if (response.topics.size() != 1)
      return fail(ErrorCode::kCorruptMessage, "the broker's answer does not tell about the topic");
    const auto& topic = response.topics.front();
    const auto code = static_cast<ErrorCode>(topic.error_code);
    if (code == ErrorCode::kUnknownTopicOrPartition)
      return fail(code, fmt::format("topic {0} does not exist; make it with: semel topic create "
                                    "{0} --partitions 4 -b {1}",
                                    options_.topic, options_.cluster.servers));
    if (code != ErrorCode::kNone && !error_is_retriable(code))
      return fail(code, fmt::format("topic {}: {}", options_.topic, error_name(code)));
    return static_cast<int32_t>(topic.partitions.size());
  }

  LoadPlan load_plan() {
    LoadPlan plan;
    plan.topic = options_.topic;
    if (options_.records) plan.records_max = *options_.records;
    if (options_.seconds) plan.time_max = seconds_of(*options_.seconds + options_.warmup_seconds);
    plan.rate = options_.rate;
    plan.counts_from_due = options_.rate > 0;
    // Neighbours differ, so that a codec has something to do.
    constexpr size_t kSteps = 1'021;
    std::string letters(options_.size + kSteps, 'A');
    for (char& c : letters) c = static_cast<char>('A' + runtime_.random->below(26));
    plan.value = [letters = std::move(letters), size = options_.size](int64_t i) {
      return std::string_view(letters).substr(static_cast<size_t>(i) % kSteps, size);
    };
    return plan;
  }

  void tell_load(const client::ProducerConfig& config) {
    if (options_.is_quiet) return;
    const std::string how_many =
        options_.records ? grouped(static_cast<uint64_t>(*options_.records)) + " " : std::string();
    const std::string how_long =
        options_.seconds ? fmt::format(" for {} s", *options_.seconds) : "";
    const std::string how_fast =
        options_.rate > 0 ? fmt::format(" at {:g} a second", options_.rate) : "";
    note(fmt::format(
        "{}records of {} bytes to {}{}{}: acks {}, idempotence {}, {} in flight, linger "
        "{} ms, batches of {} bytes, codec {}",
        how_many, grouped(options_.size), options_.topic, how_fast, how_long,
        config.acks < 0 ? "all" : std::to_string(config.acks), config.is_idempotent ? "on" : "off",
        config.in_flight_max, config.linger.count(), grouped(config.batch_size),
        bytes::codec_name(config.codec)));
  }

  nlohmann::ordered_json settings_json(std::string_view test, const client::ProducerConfig& config,
                                       int32_t partitions) const {
    nlohmann::ordered_json json{{"test", test},
                                {"topic", options_.topic},
                                {"partitions", partitions},
                                {"recordSize", options_.size},
                                {"acks", config.acks < 0 ? "all" : std::to_string(config.acks)},
                                {"idempotence", config.is_idempotent},
                                {"inFlight", config.in_flight_max},
                                {"lingerMs", config.linger.count()},
                                {"batchSize", config.batch_size},
                                {"codec", bytes::codec_name(config.codec)}};
    if (options_.rate > 0) json["rate"] = options_.rate;
    return json;
  }

  Result<int> send(std::string_view test) {
    const std::vector<std::string> modes = options_.idempotence == "both"
                                               ? std::vector<std::string>{"off", "on"}
                                               : std::vector<std::string>{options_.idempotence};
    SEMEL_TRY(auto session, ClientSession::open(true));
    std::vector<PerfResult> results;
    int code = kOk;
    for (const std::string& mode : modes) {
      SEMEL_TRY(auto config, producer_config(mode));
      if (results.empty()) warn(config.warnings);
      SEMEL_TRY(const int32_t partitions, partition_count(*session, config.connection));
      PerfResult& result = results.emplace_back();
      result.title = config.is_idempotent ? "idempotence on" : "idempotence off";
      result.settings = settings_json(test, config, partitions);
      tell_load(config);
      const auto failure = send_once(*session, std::move(config), result);
      if (failure && result.records == 0) return fail(*failure);
      if (failure) {
        note(fmt::format("{} records failed; the first: {} ({})", grouped(result.failed),
                         failure->context, error_name(failure->code)));
        code = exit_code_of(*failure);
      }
    }
    print_perf(results, options_.is_json(), output_);
    return code;
  }

  /// Why a record was not stored, if one was not.
  std::optional<Error> send_once(ClientSession& session, client::ProducerConfig config,
                                 PerfResult& result) {
    Meter meter(options_, output_);
    const auto done = run_load(session, std::move(config), load_plan(), meter);
    meter.put_into(result);
    const double reached = result.per_second(result.records);
    if (options_.rate > 0 && result.records > 0 && reached < 0.9 * options_.rate)
      note(
          fmt::format("{} a second were stored, not {:g}: the latencies are those of an overloaded "
                      "cluster or client",
                      grouped(static_cast<uint64_t>(reached)), options_.rate));
    if (!done) return done.error();
    return meter.first_failure();
  }

  Result<void> read(ClientSession& session, client::ConsumerConfig config, PerfResult& result) {
    ReceivePlan plan;
    plan.topics = {options_.topic};
    plan.partition = options_.partition;
    plan.time = client::kEarliestOffset;
    plan.until_end = true;
    if (options_.records) plan.records_max = static_cast<uint64_t>(*options_.records);
    Progress progress(options_.is_quiet, output_);
    const rt::Clock& clock = session.executor().clock();
    const rt::Instant start = clock.now();
    progress.begin(start);
    PerfResult told;  // by the progress line
    const auto end = receive(
        session, std::move(config), plan,
        [&](const client::ConsumedRecord& consumed) {
          if (result.records++ == 0) result.first_record_ms = seconds_of(clock.now() - start) * 1e3;
          const record::RecordView& record = consumed.record;
          if (record.key) result.bytes += record.key->size();
          if (record.value) result.bytes += record.value->size();
        },
        [&] {
          if (result.records == told.records) return;
          const rt::Instant now = clock.now();
          progress.add(result.records - told.records, result.bytes - told.bytes, now);
          told.records = result.records;
          told.bytes = result.bytes;
          result.seconds = seconds_of(now - start);
        });
    if (!end) return fail(end.error());
    return {};
  }

  const Options& options_;
  rt::Runtime& runtime_;
  Output& output_;
};

void add_common(CLI::App& app, Options& options) {
  options.add_to(app, {"an existing topic", "client", "text or json: one object a run", "--set"});
  app.add_flag("-q,--quiet", options.is_quiet, "no progress on standard error");
  app.add_option("-n,--records", options.records, "stop after so many")->check(whole_number(1));
}

void add_sending(CLI::App& app, Options& options) {
  app.add_option("-d,--duration", options.seconds, "stop after so many seconds")
      ->check(positive_number(Zero::kRefused));
  app.add_option("-s,--size", options.size, "bytes of a record's value")
      ->check(whole_number(1, 1 << 30))
      ->capture_default_str();
  app.add_option("-r,--rate", options.rate, "records a second")
      ->check(positive_number(Zero::kRefused));
  app.add_option("--warmup", options.warmup_seconds, "seconds that do not count")
      ->check(positive_number(Zero::kAllowed));
  app.add_option("--idempotence", options.idempotence, "on, off or both, side by side")
      ->check(CLI::IsMember({"on", "off", "both"}));
  constexpr std::pair<const char*, const char*> kFlags[] = {
      {"--acks", "0, 1 or all"},
      {"--linger", "ms to wait for a batch to fill"},
      {"--batch-size", "bytes of a batch"},
      {"--codec", "none, gzip, snappy, lz4 or zstd"},
      {"--in-flight", "requests at a time per connection"}};
  for (size_t i = 0; i < std::size(kFlags); ++i)
    app.add_option(kFlags[i].first, options.producer_settings[i].second, kFlags[i].second);
}

}  // namespace

int run_perf_command(std::span<const std::string> words, rt::Runtime& runtime, Output& output) {
  Options options;
  Result<int> (PerfCommand::*action)() = nullptr;
  CLI::App app("Measures how fast records are stored and read, and how long each takes.",
               "semel perf");
  app.footer(kExamples);
  put_examples_first(app);
  app.require_subcommand(1);
  const auto add = [&](const char* name, const char* about, const char* examples,
                       Result<int> (PerfCommand::*run)()) {
    CLI::App* command = app.add_subcommand(name, about);
    command->footer(examples);
    add_common(*command, options);
    command->callback([&action, run] { action = run; });
    return command;
  };
  CLI::App* producing = add("produce", "Sends records, a million or as -n and -d say.",
                            kProduceExamples, &PerfCommand::produce);
  add_sending(*producing, options);
  add("consume", "Reads a topic from its beginning to its present end.", kConsumeExamples,
      &PerfCommand::consume)
      ->add_option("-p,--partition", options.partition, "only this one")
      ->check(whole_number(0));
  CLI::App* waiting =
      add("latency", "Sends at a steady rate, 1,000 a second for 10 s, and times each record.",
          kLatencyExamples, &PerfCommand::latency);
  add_sending(*waiting, options);
  if (const auto code = parse_command_line(app, words, output)) return *code;
  const bool has_end = options.records || options.seconds;
  if (!has_end && app.got_subcommand(producing)) options.records = 1'000'000;
  if (!has_end && app.got_subcommand(waiting)) options.seconds = 10;
  if (app.got_subcommand(waiting)) {
    if (options.rate <= 0) options.rate = 1'000;
    if (waiting->count("--warmup") == 0) options.warmup_seconds = 1;
  }
  PerfCommand command(options, runtime, output);
  const auto code = (command.*action)();
  if (code) return *code;
  output.err(
      fmt::format("semel perf: {} ({})\n", code.error().context, error_name(code.error().code)));
  return exit_code_of(code.error());
}

}  // namespace semel::cli
