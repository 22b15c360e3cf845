#include "gen/create_topics.h"

#include "api/controller/call.h"
#include "cluster/topic_decisions.h"

namespace semel::api::controller {
namespace {

void fail_all(gen::CreateTopicsResponse& response, const gen::CreateTopicsRequest& request,
              const Error& error) {
  response.topics.clear();
  for (const auto& asked : request.topics) {
    auto& topic = response.topics.append();
    topic.name = asked.name;
    topic.error_code = wire_code(error.code);
    topic.error_message = error.context;
  }
}

}  // namespace

rt::Task<bool> answer_create_topics(Call& call) {
  gen::CreateTopicsRequest request;
  if (!read_request(call, request)) co_return false;
  const auto active = call.node.check_active();
  if (!active) {
    gen::CreateTopicsResponse response;
    fail_all(response, request, active.error());
    co_return write_response(call, response);
  }
  auto decision = cluster::decide_create_topics(call.node.controller().view(), request);
  if (request.validate_only) decision.records.clear();
  const bool is_written = co_await commit_and_respond(
      call, std::move(decision), [&request](gen::CreateTopicsResponse& failed, const Error& error) {
        fail_all(failed, request, error);
      });
  co_return is_written;
}

}  // namespace semel::api::controller
