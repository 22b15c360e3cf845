#include "gen/describe_cluster.h"

#include "api/broker/small_handlers.h"
#include "api/wire_code.h"
#include "bytes/reader.h"

namespace semel::api::broker {

Progress DescribeClusterHandler::admit(RequestContext& context) {
  constexpr int8_t kBrokers = 1;
  constexpr int8_t kControllers = 2;
  const bytes::Buffer body = context.body();
  bytes::Reader reader(body);
  gen::DescribeClusterRequest request;
  const auto decoded = request.decode(reader, context.header.version);
  if (!decoded) return Progress::kClose;

  gen::DescribeClusterResponse response;
  response.endpoint_type = request.endpoint_type;
  if (request.endpoint_type != kBrokers) {
    const bool is_known = request.endpoint_type == kControllers;
    response.error_code = wire_code(is_known ? ErrorCode::kMismatchedEndpointType
                                             : ErrorCode::kUnsupportedEndpointType);
    response.error_message =
        is_known ? "The request was sent to an endpoint of type BROKER, but we wanted an endpoint "
                   "of type CONTROLLER"
                 : "Unsupported endpoint type " + std::to_string(request.endpoint_type);
    context.respond(response);
    return Progress::kReady;
  }
  const cluster::ImagePtr image = services_.images.current();
  response.cluster_id = services_.facts.cluster_id;
  for (const auto& [id, broker] : image->brokers->brokers) {
    const cluster::Endpoint* endpoint = broker->endpoint(context.connection().listener);
    if (endpoint == nullptr || (broker->fenced && !request.include_fenced_brokers)) continue;
    auto& node = response.brokers.append();
    node.broker_id = id.value;
    node.host = endpoint->host;
    node.port = endpoint->port;
    node.rack = broker->rack;
    node.is_fenced = broker->fenced;
    if (!broker->fenced && (response.controller_id < 0 || id == services_.facts.self))
      response.controller_id = id.value;
  }
  if (request.include_cluster_authorized_operations) {
    response.cluster_authorized_operations =
        security::authorized_operations(services_.authorizer, context.connection().principal,
                                        security::ResourceType::kCluster, security::kClusterName);
  }
  context.respond(response);
  return Progress::kReady;
}

}  // namespace semel::api::broker
