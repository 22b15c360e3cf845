// ApiVersions: what this listener serves (KIP-511, KIP-584).
#pragma once

#include "api/broker/services.h"
#include "gen/api_versions.h"

namespace semel::api::broker {

class ApiVersionsHandler final : public Handler {
 public:
  /// `dispatcher` owns this handler; its rows are what is told.
  ApiVersionsHandler(const Services& services, const Dispatcher& dispatcher)
      : services_(services), dispatcher_(dispatcher) {}
  Progress admit(RequestContext& context) override;

 private:
  void list_features(int16_t version);
  void answer_unknown_version(RequestContext& context);

  const Services services_;
  const Dispatcher& dispatcher_;
  gen::ApiVersionsRequest request_;
  gen::ApiVersionsResponse response_;
};

/// KIP-511: letters and digits, inside also '-' and '.'.
bool is_valid_software_name(std::string_view text);

}  // namespace semel::api::broker
