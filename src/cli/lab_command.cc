#include "cli/lab_command.h"

#include <future>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/audit_command.h"
#include "cli/cluster_caller.h"
#include "cli/dump_command.h"
#include "cli/help.h"
#include "cli/lab_broker.h"
#include "cli/lab_proxy.h"
#include "cli/producers_command.h"
#include "cli/sending.h"
#include "cli/topic_admin.h"

namespace semel::cli {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  semel lab duplicates                 three experiments in a few seconds\n"
    "  semel lab duplicates --data /tmp/lab keeps its files there\n"
    "docs/lab.md explains what is seen.\n";

constexpr std::string_view kFirstSegment = "00000000000000000000.log";

std::vector<std::string> payments() { return {"payment-1", "payment-2", "payment-3"}; }

class DuplicatesLab {
 public:
  DuplicatesLab(std::string data, const DumpPaths& paths, Output& output)
      : data_(std::move(data)), paths_(paths), output_(output) {}

  Result<int> run() {
    SEMEL_TRY(session_, ClientSession::open());
    LabProxy proxy(session_->executor(), *session_->runtime().network);
    proxy_ = &proxy;
    const auto done = experiments();
    session_->run(proxy.stop());
    broker_.reset();
    if (!done) return fail(done.error());
    print_files();
    say(is_as_expected_ ? "\nEverything came out as it must."
                        : "\nSomething came out otherwise than it must; see above.");
    return is_as_expected_ ? kOk : kFailed;
  }

 private:
  void say(std::string_view line) { output_.out(std::string(line) + "\n"); }

  rt::Task<Result<rt::Address>> listen() { co_return proxy_->listen(); }

  Result<void> experiments() {
    SEMEL_TRY(proxy_address_, session_->run(listen()));
    SEMEL_CHECK(start_broker());
    say(
        fmt::format("A broker on {}; producers reach it through a proxy on {}, which loses the "
                    "first acknowledgement of each experiment: the broker has stored the batch, "
                    "the answer is thrown away and the connection cut.",
                    broker_->address().to_text(), proxy_address_.to_text()));
    say("\n1. At least once: enable.idempotence=false");
    SEMEL_CHECK(experiment("at-least-once", "false", false));
    expect("at-least-once", 2);
    say("\n2. Once: enable.idempotence=true, the default");
    SEMEL_CHECK(experiment("once", "true", false));
    expect("once", 1);
    say("\n3. Once, and the broker is restarted before the producer can send again");
    SEMEL_CHECK(experiment("once-restarted", "true", true));
    expect("once-restarted", 1);
    say("\nWhat the broker counted (semel producers list); counts outlive its restarts");
    const std::vector<std::string> words = {"list", "-b", broker_->address().to_text()};
    run_producers_command(
        words, [this](const ClusterAddress& to) { return connect_to_cluster(to, paths_.disk); },
        output_);
    return {};
  }

  Result<void> start_broker() {
    SEMEL_TRY(broker_, LabBroker::start(data_, proxy_address_));
    session_->run(set_upstream(broker_->address()));
    return {};
  }
  rt::Task<void> set_upstream(std::optional<rt::Address> address) {
    proxy_->set_upstream(std::move(address));
    co_return;
  }
  rt::Task<void> arm(std::function<void()> on_drop) {
    proxy_->drop_next_acknowledgement(std::move(on_drop));
    co_return;
  }

  Result<void> create_topic(const std::string& name) {
    SEMEL_TRY(const auto caller,
              connect_to_cluster({broker_->address().to_text(), {}}, paths_.disk));
    return TopicAdmin(*caller).create({.name = name, .partitions = 1, .replication_factor = 1});
  }

  Result<client::ProducerConfig> producer_config(std::string_view idempotence) const {
    Settings settings;
    put_setting(settings, "bootstrap.servers", proxy_address_.to_text());
    put_setting(settings, "acks", "all");
    put_setting(settings, "enable.idempotence", std::string(idempotence));
    put_setting(settings, "max.in.flight.requests.per.connection", "1");
    put_setting(settings, "linger.ms", "0");
    put_setting(settings, "delivery.timeout.ms", "60000");
    auto config = client::ProducerConfig::from(settings);
    if (!config) return fail(ErrorCode::kInvalidConfig, config.error().text);
    return std::move(*config);
  }

  /// Sends three records one after another; the first one's acknowledgement is lost.
  Result<void> experiment(const std::string& topic, std::string_view idempotence, bool restarts) {
    SEMEL_CHECK(create_topic(topic));
    SEMEL_TRY(auto config, producer_config(idempotence));
    const auto texts = payments();
    std::vector<std::string> reports(texts.size());
    Sending sending(*session_, std::move(config), [&](const client::Delivery& delivery) {
      reports[delivery.tag] =
          delivery.fate == client::Fate::kStored
              ? fmt::format("   {} is acknowledged at offset {}", texts[delivery.tag],
                            delivery.offset.value)
              : fmt::format("   {} failed: {}", texts[delivery.tag], delivery.error.context);
    });
    auto dropped = std::make_shared<std::promise<void>>();
    auto is_dropped = dropped->get_future();
    session_->run(arm([this, dropped, restarts] {
      if (restarts) proxy_->set_upstream(std::nullopt);
      dropped->set_value();
    }));
    for (size_t i = 0; i < texts.size(); ++i) {
      say(fmt::format("   {} is sent", texts[i]));
      LineRecord content;
      content.value = texts[i];
      sending.send({{.topic = topic, .content = std::move(content), .partition = 0, .tag = i}});
      if (i == 0) SEMEL_CHECK(lose(is_dropped, restarts));
      sending.flush();
      say(reports[i]);
    }
    return {};
  }

  Result<void> lose(std::future<void>& is_dropped, bool restarts) {
    if (is_dropped.wait_for(std::chrono::seconds(30)) != std::future_status::ready)
      return fail(ErrorCode::kRequestTimedOut, "no acknowledgement came within 30 s");
    say("   its acknowledgement is lost; the producer sends again");
    if (!restarts) return {};
    broker_.reset();
    say("   the broker is stopped");
    SEMEL_CHECK(start_broker());
    say("   the broker is started");
    return {};
  }

  std::string folder(const std::string& topic) const { return data_ + "/broker/" + topic + "-0"; }

  /// The values of the log, in order.
  std::vector<std::string> stored(const std::string& topic) const {
    CapturedOutput captured;
    const std::string path = folder(topic) + "/" + std::string(kFirstSegment);
    const std::vector<std::string> words = {"-o", "json", "--records", path};
    run_dump_command(words, paths_, captured);
    std::vector<std::string> values;
    std::istringstream lines(captured.stdout_text);
    for (std::string line; std::getline(lines, line);) {
      const auto row = nlohmann::json::parse(line, nullptr, false);
      if (!row.is_discarded() && row.value("kind", "") == "record" && row["value"].is_string())
        values.push_back(row["value"]);
    }
    return values;
  }

  void expect(const std::string& topic, int times) {
    std::map<std::string, int> seen;
    int64_t offset = 0;
    say(fmt::format("   the log of {}-0:", topic));
    for (const std::string& value : stored(topic))
      say(fmt::format("     offset {}  {}{}", offset++, value,
                      ++seen[value] > 1 ? "   <- the same record again" : ""));
    const bool is_right =
        seen["payment-1"] == times && seen["payment-2"] == 1 && seen["payment-3"] == 1;
    if (!is_right)
      say(fmt::format("   NOT as expected: payment-1 must be there {} time(s)", times));
    is_as_expected_ = is_as_expected_ && is_right;
  }

  void print_files() {
    const std::string partition = folder("once-restarted");
    say("\nThe files, after the broker was stopped. The segment: each batch with producer, epoch "
        "and "
        "sequences");
    show({"--records", partition + "/" + std::string(kFirstSegment)});
    say("\nThe newest .snapshot: what the broker knows of producers when it starts");
    show({newest_snapshot(partition)});
    say("\nsemel audit; the repeat in at-least-once stays unseen, since such batches carry no "
        "sequences");
    const std::vector<std::string> words = {data_};
    run_audit_command(words, paths_, output_);
    say(fmt::format("\nEverything is kept in {}; remove it when you have seen enough.", data_));
  }

  void show(const std::vector<std::string>& words) { run_dump_command(words, paths_, output_); }

  std::string newest_snapshot(const std::string& partition) const {
    std::string newest = partition;
    const auto entries = paths_.disk.list(paths_.absolute(partition));
    if (!entries) return newest;
    for (const auto& entry : *entries)
      if (entry.name.ends_with(".snapshot")) newest = partition + "/" + entry.name;
    return newest;
  }

  std::string data_;
  const DumpPaths& paths_;
  Output& output_;
  std::unique_ptr<ClientSession> session_;
  LabProxy* proxy_ = nullptr;
  rt::Address proxy_address_;
  std::unique_ptr<LabBroker> broker_;
  bool is_as_expected_ = true;
};

}  // namespace

int run_lab_command(std::span<const std::string> arguments, const DumpPaths& paths,
                    Output& output) {
  std::string data = "semel-lab";
  CLI::App app("The chapter's experiments on duplicate-free transmission, live.", "semel lab");
  app.footer(kExamples);
  put_examples_first(app);
  app.require_subcommand(1);
  app.add_subcommand("duplicates", "acknowledgements are lost; duplicates shown, then prevented")
      ->add_option("--data", data, "a folder that is not there yet")
      ->capture_default_str();
  if (const auto code = parse_command_line(app, arguments, output)) return *code;
  if (paths.disk.exists(paths.absolute(data))) {
    output.err(fmt::format(
        "semel lab: {} is there already; remove it or choose another with --data\n", data));
    return kConflict;
  }
  const auto code = DuplicatesLab(data, paths, output).run();
  if (code) return *code;
  output.err(fmt::format("semel lab: {}\n", code.error().context));
  return kFailed;
}

}  // namespace semel::cli
