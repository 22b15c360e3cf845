#include "gen/unregister_broker.h"

#include "api/controller/call.h"
#include "cluster/broker_decisions.h"

namespace semel::api::controller {

rt::Task<bool> answer_unregister_broker(Call& call) {
  gen::UnregisterBrokerRequest request;
  if (!read_request(call, request)) co_return false;
  const auto fill = [](gen::UnregisterBrokerResponse& response, const Error& error) {
    response.error_code = wire_code(error.code);
    response.error_message = error.context;
  };
  auto decision =
      cluster::decide_unregistration(call.node.controller().view(), BrokerId{request.broker_id});
  if (!decision) {
    gen::UnregisterBrokerResponse response;
    fill(response, decision.error());
    co_return write_response(call, response);
  }
  const bool is_written = co_await commit_and_respond(call, std::move(*decision), fill);
  co_return is_written;
}

}  // namespace semel::api::controller
