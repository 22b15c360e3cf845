#include "gen/create_partitions.h"

#include "api/controller/call.h"
#include "cluster/topic_decisions.h"

namespace semel::api::controller {
namespace {

void fail_all(gen::CreatePartitionsResponse& response, const gen::CreatePartitionsRequest& request,
              const Error& error) {
  response.results.clear();
  for (const auto& asked : request.topics) {
    auto& result = response.results.append();
    result.name = asked.name;
    result.error_code = wire_code(error.code);
    result.error_message = error.context;
  }
}

}  // namespace

rt::Task<bool> answer_create_partitions(Call& call) {
  gen::CreatePartitionsRequest request;
  if (!read_request(call, request)) co_return false;
  const auto active = call.node.check_active();
  if (!active) {
    gen::CreatePartitionsResponse response;
    fail_all(response, request, active.error());
    co_return write_response(call, response);
  }
  const bool is_written = co_await commit_and_respond(
      call, cluster::decide_create_partitions(call.node.controller().view(), request),
      [&request](gen::CreatePartitionsResponse& failed, const Error& error) {
        fail_all(failed, request, error);
      });
  co_return is_written;
}

}  // namespace semel::api::controller
