#include "api/controller/call.h"
#include "cluster/election_decisions.h"

namespace semel::api::controller {

rt::Task<bool> answer_elect_leaders(Call& call) {
  gen::ElectLeadersRequest request;
  if (!read_request(call, request)) co_return false;
  const auto active = call.node.check_active();
  if (!active) {
    gen::ElectLeadersResponse response;
    response.error_code = wire_code(active.error().code);
    co_return write_response(call, response);
  }
  const bool is_written = co_await commit_and_respond(
      call, cluster::decide_elect_leaders(call.node.controller().view(), request),
      [](gen::ElectLeadersResponse& failed, const Error& error) {
        failed.error_code = wire_code(error.code);
      });
  co_return is_written;
}

}  // namespace semel::api::controller
