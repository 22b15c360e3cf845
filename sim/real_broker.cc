#include "real_broker.h"

#include <fmt/format.h>

#include "broker/broker.h"
#include "rt/event.h"
#include "rt/gate.h"

namespace semel::sim {

namespace {

Result<broker::Config> make_config(const BrokerSpec& spec) {
  broker::ConfigSources sources;
  sources.data_dir = spec.data;
  sources.listen = spec.listen.to_text();
  for (const auto& [key, value] : spec.settings)
    sources.overrides.push_back({key, value, "simulator"});
  return broker::make_config(sources);
}

class RealBroker final : public BrokerProgram {
 public:
  RealBroker(rt::Runtime runtime, const BrokerSpec& spec)
      : runtime_(std::move(runtime)), config_(make_config(spec)) {}

  void start() override {
    if (!config_) {
      exit_reason_ = "config: " + config_.error().context;
      has_started_.set();
      return;
    }
    broker_ = std::make_unique<broker::Broker>(
        runtime_, std::move(*config_),
        [this](const Error& error) { exit_reason_ = error.context; });
    rt::spawn(run());
  }

  rt::Task<void> stop() override {
    co_await has_started_.wait();
    if (broker_ != nullptr) co_await broker_->stop();
  }

  bool has_exited() const override { return !exit_reason_.empty(); }
  std::string exit_reason() const override { return exit_reason_; }

 private:
  rt::Task<void> run() {
    auto ready = co_await broker_->start();
    if (!ready) exit_reason_ = "start: " + ready.error().context;
    has_started_.set();
  }

  rt::Runtime runtime_;
  Result<broker::Config> config_;
  std::unique_ptr<broker::Broker> broker_;
  rt::Event has_started_{*runtime_.executors[0]};
  std::string exit_reason_;
};

}  // namespace

BrokerFactory real_broker_factory() {
  return [](rt::Runtime runtime, const BrokerSpec& spec) -> std::unique_ptr<BrokerProgram> {
    return std::make_unique<RealBroker>(std::move(runtime), spec);
  };
}

}  // namespace semel::sim
