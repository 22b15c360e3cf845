#include "cli/lab_broker.h"

#include "broker/config.h"

namespace semel::cli {

Result<std::unique_ptr<LabBroker>> LabBroker::start(const std::string& data,
                                                    const rt::Address& advertised) {
  broker::ConfigSources sources;
  sources.data_dir = data;
  sources.overrides.push_back({"listeners", "PLAINTEXT://127.0.0.1:0", "semel lab"});
  const std::string listener = "PLAINTEXT://" + advertised.to_text();
  sources.overrides.push_back({"advertised.listeners", listener, "semel lab"});
  SEMEL_TRY(broker::Config config, broker::make_config(sources));
  SEMEL_TRY(auto session, ClientSession::open());
  std::unique_ptr<LabBroker> lab(new LabBroker(std::move(session)));
  SEMEL_TRY(const auto ready, lab->session_->run(lab->begin(std::move(config))));
  lab->address_ = ready.addresses.front();
  return lab;
}

LabBroker::~LabBroker() { session_->run(end()); }

rt::Task<Result<broker::BrokerReady>> LabBroker::begin(broker::Config config) {
  broker_ =
      std::make_unique<broker::Broker>(session_->runtime(), std::move(config), [](const Error&) {});
  auto ready = co_await broker_->start();
  co_return ready;
}

rt::Task<void> LabBroker::end() {
  if (!broker_) co_return;
  co_await broker_->stop();
  broker_.reset();
}

}  // namespace semel::cli
