#include "api/controller/call.h"
#include "base/log.h"
#include "gen/broker_registration.h"

namespace semel::api::controller {

rt::Task<bool> answer_broker_registration(Call& call) {
  gen::BrokerRegistrationRequest request;
  if (!read_request(call, request)) co_return false;
  gen::BrokerRegistrationResponse response;
  const auto active = call.node.check_active();
  if (!active) {
    response.error_code = wire_code(active.error().code);
    co_return write_response(call, response);
  }
  auto decision =
      call.node.controller().register_broker(request, call.node.next_offset(), call.node.monotonic_ms());
  if (!decision) {
    // The response has no room for a text: the controller's operator gets it.
    log_warn("controller", "registration of broker {} is refused ({}): {}", request.broker_id,
             error_name(decision.error().code), decision.error().context);
    response.error_code = wire_code(decision.error().code);
    co_return write_response(call, response);
  }
  const bool is_written = co_await commit_and_respond(
      call, std::move(*decision), [](gen::BrokerRegistrationResponse& failed, const Error& error) {
        failed.error_code = wire_code(error.code);
      });
  co_return is_written;
}

}  // namespace semel::api::controller
