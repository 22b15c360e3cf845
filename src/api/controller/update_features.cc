#include "api/controller/call.h"
#include "cluster/feature_decisions.h"

namespace semel::api::controller {

rt::Task<bool> answer_update_features(Call& call) {
  gen::UpdateFeaturesRequest request;
  if (!read_request(call, request)) co_return false;
  const auto failed = [](gen::UpdateFeaturesResponse& response, const Error& error) {
    response.error_code = wire_code(error.code);
    response.error_message = error.context;
  };
  const auto active = call.node.check_active();
  if (!active) {
    gen::UpdateFeaturesResponse response;
    failed(response, active.error());
    co_return write_response(call, response);
  }
  const bool is_written = co_await commit_and_respond(
      call, cluster::decide_update_features(call.node.controller().view(), request, call.version),
      failed);
  co_return is_written;
}

}  // namespace semel::api::controller
