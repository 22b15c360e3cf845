#include "api/controller/call.h"
#include "cluster/isr_decisions.h"
#include "gen/alter_partition.h"

namespace semel::api::controller {

rt::Task<bool> answer_alter_partition(Call& call) {
  gen::AlterPartitionRequest request;
  if (!read_request(call, request)) co_return false;
  const auto fill = [](gen::AlterPartitionResponse& response, const Error& error) {
    response.error_code = wire_code(error.code);
  };
  gen::AlterPartitionResponse response;
  const auto active = call.node.check_active();
  if (!active) {
    fill(response, active.error());
    co_return write_response(call, response);
  }
  auto decision = cluster::decide_alter_partition(call.node.controller().view(), request, call.version);
  if (!decision) {
    fill(response, decision.error());
    co_return write_response(call, response);
  }
  const bool is_written = co_await commit_and_respond(call, std::move(*decision), fill);
  co_return is_written;
}

}  // namespace semel::api::controller
