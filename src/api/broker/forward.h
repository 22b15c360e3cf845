// Requests that the controller answers (KIP-590).
#pragma once

#include "api/broker/services.h"

namespace semel::api::broker {

/// Passes the request on as it came, and the answer back.
class ForwardHandler final : public TaskHandler {
 public:
  explicit ForwardHandler(const Services& services) : services_(services) {}

 protected:
  rt::Task<Progress> run(RequestContext& context) override;

 private:
  const Services services_;
};

/// A principal as an Envelope carries it: version and DefaultPrincipalData.
bytes::Buffer serialize_principal(const security::Principal& principal);
/// The 4 or 16 bytes of a numeric address; 0.0.0.0 if it is none (streams inside the process).
std::vector<uint8_t> address_bytes(const std::string& host);

}  // namespace semel::api::broker
