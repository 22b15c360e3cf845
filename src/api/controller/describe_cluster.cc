// The controllers of the cluster (KIP-919).
#include "gen/describe_cluster.h"

#include "api/controller/call.h"

namespace semel::api::controller {
namespace {

constexpr int8_t kControllers = 2;
constexpr int16_t kFirstWithEndpointType = 1;

}  // namespace

rt::Task<bool> answer_describe_cluster(Call& call) {
  gen::DescribeClusterRequest request;
  if (!read_request(call, request)) co_return false;
  gen::DescribeClusterResponse response;
  if (call.version < kFirstWithEndpointType || request.endpoint_type != kControllers) {
    response.error_code = wire_code(ErrorCode::kMismatchedEndpointType);
    response.error_message =
        "The request was sent to an endpoint of type CONTROLLER, but we wanted an endpoint of type "
        "BROKER";
    co_return write_response(call, response);
  }
  response.cluster_id = call.node.config().settings.cluster_id;
  response.controller_id = call.node.quorum().leader_id();
  response.endpoint_type = kControllers;
  for (const auto& [id, controller] : call.node.controller().image()->brokers->controllers) {
    if (controller.endpoints.empty()) continue;
    auto& out = response.brokers.append();
    out.broker_id = id;
    out.host = controller.endpoints.front().host;
    out.port = controller.endpoints.front().port;
  }
  co_return write_response(call, response);
}

}  // namespace semel::api::controller
