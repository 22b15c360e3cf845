#include "gen/broker_heartbeat.h"

#include "api/controller/call.h"

namespace semel::api::controller {

rt::Task<bool> answer_broker_heartbeat(Call& call) {
  gen::BrokerHeartbeatRequest request;
  if (!read_request(call, request)) co_return false;
  gen::BrokerHeartbeatResponse response;
  const auto active = call.node.check_active();
  if (!active) {
    response.error_code = wire_code(active.error().code);
    co_return write_response(call, response);
  }
  auto decision = call.node.controller().heartbeat(request, call.node.monotonic_ms());
  if (!decision) {
    response.error_code = wire_code(decision.error().code);
    co_return write_response(call, response);
  }
  const bool begins_shutdown = decision->outcome.enters_shutdown;
  const Offset last = call.node.next_offset() + static_cast<int64_t>(decision->records.size()) - 1;
  const auto committed = co_await call.node.commit(std::move(decision->records));
  if (!committed) {
    response.error_code = wire_code(committed.error().code);
    co_return write_response(call, response);
  }
  if (begins_shutdown) call.node.controller().shutdown_begins(BrokerId{request.broker_id}, last);
  co_return write_response(call, decision->response);
}

}  // namespace semel::api::controller
