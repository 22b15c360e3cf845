// IncrementalAlterConfigs and AlterConfigs.
#include "api/controller/call.h"
#include "cluster/config_decisions.h"

namespace semel::api::controller {
namespace {

template <class Response, class Request>
void fail_all(Response& response, const Request& request, const Error& error) {
  response.responses.clear();
  for (const auto& asked : request.resources) {
    auto& result = response.responses.append();
    result.resource_type = asked.resource_type;
    result.resource_name = asked.resource_name;
    result.error_code = wire_code(error.code);
    result.error_message = error.context;
  }
}

template <class Response, class Request, class Decide>
rt::Task<bool> answer(Call& call, Decide decide) {
  Request request;
  if (!read_request(call, request)) co_return false;
  const auto active = call.node.check_active();
  if (!active) {
    Response response;
    fail_all(response, request, active.error());
    co_return write_response(call, response);
  }
  const bool is_written = co_await commit_and_respond(
      call, decide(call.node.controller().view(), request),
      [&request](Response& failed, const Error& error) { fail_all(failed, request, error); });
  co_return is_written;
}

}  // namespace

rt::Task<bool> answer_incremental_alter_configs(Call& call) {
  return answer<gen::IncrementalAlterConfigsResponse, gen::IncrementalAlterConfigsRequest>(
      call, &cluster::decide_incremental_alter_configs);
}

rt::Task<bool> answer_alter_configs(Call& call) {
  return answer<gen::AlterConfigsResponse, gen::AlterConfigsRequest>(
      call, &cluster::decide_alter_configs);
}

}  // namespace semel::api::controller
