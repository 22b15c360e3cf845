#include "gen/delete_topics.h"

#include "api/controller/call.h"
#include "cluster/topic_decisions.h"

namespace semel::api::controller {
namespace {

void fail_all(gen::DeleteTopicsResponse& response, const gen::DeleteTopicsRequest& request,
              const Error& error) {
  response.responses.clear();
  const auto add = [&](const std::optional<std::string>& name, const TopicId& id) {
    auto& topic = response.responses.append();
    topic.name = name;
    topic.topic_id = id;
    topic.error_code = wire_code(error.code);
    topic.error_message = error.context;
  };
  for (const auto& asked : request.topics) add(asked.name, asked.topic_id);
  for (const auto& name : request.topic_names) add(name, TopicId{});
}

}  // namespace

rt::Task<bool> answer_delete_topics(Call& call) {
  gen::DeleteTopicsRequest request;
  if (!read_request(call, request)) co_return false;
  const auto active = call.node.check_active();
  if (!active) {
    gen::DeleteTopicsResponse response;
    fail_all(response, request, active.error());
    co_return write_response(call, response);
  }
  auto decision =
      cluster::decide_delete_topics(call.node.controller().view(), request, call.version);
  const bool is_written = co_await commit_and_respond(
      call, std::move(decision), [&request](gen::DeleteTopicsResponse& failed, const Error& error) {
        fail_all(failed, request, error);
      });
  co_return is_written;
}

}  // namespace semel::api::controller
