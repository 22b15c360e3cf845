// LabBroker: a broker inside a command's process, on a runtime of its own, that can be restarted.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "broker/broker.h"
#include "cli/client_session.h"

namespace semel::cli {

class LabBroker {
 public:
  /// `advertised`: what clients are told, for example a proxy's address. kInvalidConfig and the
  /// errors of a broker's start.
  static Result<std::unique_ptr<LabBroker>> start(const std::string& data,
                                                  const rt::Address& advertised);
  /// Stops it in order.
  ~LabBroker();
  LabBroker(const LabBroker&) = delete;
  LabBroker& operator=(const LabBroker&) = delete;

  const rt::Address& address() const { return address_; }

 private:
  explicit LabBroker(std::unique_ptr<ClientSession> session) : session_(std::move(session)) {}
  rt::Task<Result<broker::BrokerReady>> begin(broker::Config config);
  rt::Task<void> end();

  std::unique_ptr<ClientSession> session_;
  std::unique_ptr<broker::Broker> broker_;
  rt::Address address_;
};

}  // namespace semel::cli
