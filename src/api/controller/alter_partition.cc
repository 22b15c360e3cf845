#include "gen/alter_partition.h"

#include "api/controller/call.h"
#include "cluster/isr_decisions.h"

namespace semel::api::controller {

rt::Task<bool> answer_alter_partition(Call& call) {
  gen::AlterPartitionRequest request;
  if (!read_request(call, request)) co_return false;
  const auto decide = [&] {
    return cluster::decide_alter_partition(call.node.controller().view(), request, call.version);
  };
  const bool is_written =
      co_await decide_and_respond<gen::AlterPartitionResponse>(call, decide, kPutErrorCode);
  co_return is_written;
}

}  // namespace semel::api::controller
