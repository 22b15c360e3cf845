#include "gen/init_producer_id.h"

#include "api/broker/small_handlers.h"
#include "api/wire_code.h"
#include "bytes/reader.h"

namespace semel::api::broker {
namespace {

/// KIP-360: a client that has an id sends both or none.
bool is_well_formed(const gen::InitProducerIdRequest& request) {
  const bool has_id = request.producer_id >= 0;
  const bool has_epoch = request.producer_epoch >= 0;
  return has_id == has_epoch;
}

}  // namespace

rt::Task<Progress> InitProducerIdHandler::run(RequestContext& context) {
  const bytes::Buffer body = context.body();
  bytes::Reader reader(body);
  gen::InitProducerIdRequest request;
  const auto decoded = request.decode(reader, context.header.version);
  if (!decoded) co_return Progress::kClose;

  gen::InitProducerIdResponse response;
  response.producer_epoch = -1;
  const auto& principal = context.connection().principal;
  if (request.transactional_id) {
    const bool may_write = services_.authorizer.allows(principal, security::Operation::kWrite,
                                                       security::ResourceType::kTransactionalId,
                                                       *request.transactional_id);
    response.error_code = wire_code(may_write ? ErrorCode::kNotCoordinator
                                              : ErrorCode::kTransactionalIdAuthorizationFailed);
    if (request.transactional_id->empty())
      response.error_code = wire_code(ErrorCode::kInvalidRequest);
  } else if (!services_.authorizer.allows(principal, security::Operation::kIdempotentWrite,
                                          security::ResourceType::kCluster,
                                          security::kClusterName)) {
    response.error_code = wire_code(ErrorCode::kClusterAuthorizationFailed);
  } else if (!is_well_formed(request)) {
    response.error_code = wire_code(ErrorCode::kInvalidRequest);
  } else {
    const auto id = co_await services_.producer_ids.next(context.executor());
    if (id) {
      response.producer_id = id->value;
      if (rt::is_planted(services_.runtime.plants, &rt::Plants::same_producer_id))
        response.producer_id &= ~1;
      response.producer_epoch = 0;
    } else {
      response.error_code = wire_code(id.error().code);
    }
  }
  context.respond(response);
  co_return Progress::kReady;
}

}  // namespace semel::api::broker
