#include "api/controller/call.h"
#include "cluster/directory_decisions.h"

namespace semel::api::controller {

rt::Task<bool> answer_assign_replicas_to_dirs(Call& call) {
  gen::AssignReplicasToDirsRequest request;
  if (!read_request(call, request)) co_return false;
  const auto decide = [&] {
    return cluster::decide_assign_replicas(call.node.controller().view(), request);
  };
  const bool is_written =
      co_await decide_and_respond<gen::AssignReplicasToDirsResponse>(call, decide, kPutErrorCode);
  co_return is_written;
}

}  // namespace semel::api::controller
