#include "gen/allocate_producer_ids.h"

#include "api/controller/call.h"

namespace semel::api::controller {

rt::Task<bool> answer_allocate_producer_ids(Call& call) {
  gen::AllocateProducerIdsRequest request;
  if (!read_request(call, request)) co_return false;
  const auto decide = [&] { return call.node.controller().allocate_producer_ids(request); };
  const bool is_written =
      co_await decide_and_respond<gen::AllocateProducerIdsResponse>(call, decide, kPutErrorCode);
  co_return is_written;
}

}  // namespace semel::api::controller
