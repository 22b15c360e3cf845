#include "api/controller/call.h"
#include "gen/allocate_producer_ids.h"

namespace semel::api::controller {

rt::Task<bool> answer_allocate_producer_ids(Call& call) {
  gen::AllocateProducerIdsRequest request;
  if (!read_request(call, request)) co_return false;
  const auto fill = [](gen::AllocateProducerIdsResponse& response, const Error& error) {
    response.error_code = wire_code(error.code);
  };
  gen::AllocateProducerIdsResponse response;
  const auto active = call.node.check_active();
  if (!active) {
    fill(response, active.error());
    co_return write_response(call, response);
  }
  auto decision = call.node.controller().allocate_producer_ids(request);
  if (!decision) {
    fill(response, decision.error());
    co_return write_response(call, response);
  }
  const bool is_written = co_await commit_and_respond(call, std::move(*decision), fill);
  co_return is_written;
}

}  // namespace semel::api::controller
