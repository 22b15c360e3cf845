#include "gen/broker_registration.h"

#include "api/controller/call.h"
#include "base/log.h"

namespace semel::api::controller {

rt::Task<bool> answer_broker_registration(Call& call) {
  gen::BrokerRegistrationRequest request;
  if (!read_request(call, request)) co_return false;
  const auto decide = [&] {
    auto decision = call.node.controller().register_broker(request, call.node.next_offset(),
                                                           call.node.monotonic_ms());
    // The response has no room for a text: the controller's operator gets it.
    if (!decision)
      log_warn("controller", "registration of broker {} is refused ({}): {}", request.broker_id,
               error_name(decision.error().code), decision.error().context);
    return decision;
  };
  const bool is_written =
      co_await decide_and_respond<gen::BrokerRegistrationResponse>(call, decide, kPutErrorCode);
  co_return is_written;
}

}  // namespace semel::api::controller
