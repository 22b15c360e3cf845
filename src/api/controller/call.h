// Call: one request to the controller on its way through a handler. The same functions answer
// requests of a connection and requests that came in an Envelope.
//
// Thread rule: everything on the controller's home executor.
#pragma once

#include "api/request_context.h"
#include "api/wire_code.h"
#include "bytes/reader.h"
#include "bytes/writer.h"
#include "cluster/embedded_controller.h"
#include "rt/cancel.h"
#include "rt/task.h"

namespace semel::api::controller {

struct Call {
  cluster::EmbeddedController& node;
  int16_t version;
  bytes::Buffer body;
  std::string client_id;
  bytes::Writer out;          // the response's body
  rt::CancelToken cancelled;  // nobody waits for the answer any more
};

/// False: the request or its answer has no valid form; the connection must end.
using Answer = rt::Task<bool> (*)(Call& call);

template <class Request>
bool read_request(Call& call, Request& request) {
  bytes::Reader reader(call.body);
  return request.decode(reader, call.version).has_value();
}

template <class Response>
bool write_response(Call& call, const Response& response) {
  return response.encode(call.out, call.version).has_value();
}

/// Commits what was decided and answers; `failed` says the error where the message has its place.
template <class Response, class Failed>
rt::Task<bool> commit_and_respond(Call& call, cluster::Decision<Response> decision, Failed failed) {
  const auto committed = co_await call.node.commit(std::move(decision.records));
  if (!committed) {
    decision.response = Response{};
    failed(decision.response, committed.error());
  }
  co_return write_response(call, decision.response);
}

/// Asks the active controller to decide, then commits and answers. `decide` returns a
/// Result<cluster::Decision<Response>>; `failed` is as above. Both live until the answer is
/// written.
template <class Response, class Decide, class Failed>
rt::Task<bool> decide_and_respond(Call& call, Decide decide, Failed failed) {
  const auto refuse = [&](const Error& error) {
    Response response;
    failed(response, error);
    return write_response(call, response);
  };
  const auto active = call.node.check_active();
  if (!active) co_return refuse(active.error());
  Result<cluster::Decision<Response>> decision = decide();
  if (!decision) co_return refuse(decision.error());
  const bool is_written = co_await commit_and_respond(call, std::move(*decision), failed);
  co_return is_written;
}

/// `failed` for messages whose only error is a code at the top.
inline constexpr auto kPutErrorCode = [](auto& response, const Error& error) {
  response.error_code = wire_code(error.code);
};

rt::Task<bool> answer_fetch(Call& call);
rt::Task<bool> answer_fetch_snapshot(Call& call);
rt::Task<bool> answer_describe_quorum(Call& call);
rt::Task<bool> answer_broker_registration(Call& call);
rt::Task<bool> answer_broker_heartbeat(Call& call);
rt::Task<bool> answer_unregister_broker(Call& call);
rt::Task<bool> answer_allocate_producer_ids(Call& call);
rt::Task<bool> answer_create_topics(Call& call);
rt::Task<bool> answer_delete_topics(Call& call);
rt::Task<bool> answer_create_partitions(Call& call);
rt::Task<bool> answer_alter_configs(Call& call);
rt::Task<bool> answer_incremental_alter_configs(Call& call);
rt::Task<bool> answer_elect_leaders(Call& call);
rt::Task<bool> answer_update_features(Call& call);
rt::Task<bool> answer_describe_cluster(Call& call);
rt::Task<bool> answer_alter_partition(Call& call);
rt::Task<bool> answer_assign_replicas_to_dirs(Call& call);

}  // namespace semel::api::controller
