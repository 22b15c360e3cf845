#include "gen/find_coordinator.h"

#include "api/broker/small_handlers.h"
#include "api/wire_code.h"
#include "bytes/reader.h"

namespace semel::api::broker {

Progress FindCoordinatorHandler::admit(RequestContext& context) {
  constexpr int16_t kFirstWithMany = 4;
  const int16_t version = context.header.version;
  const bytes::Buffer body = context.body();
  bytes::Reader reader(body);
  gen::FindCoordinatorRequest request;
  const auto decoded = request.decode(reader, version);
  if (!decoded) return Progress::kClose;

  const std::string text = "The coordinator is not available.";
  gen::FindCoordinatorResponse response;
  if (version < kFirstWithMany) {
    response.error_code = wire_code(ErrorCode::kCoordinatorNotAvailable);
    response.error_message = text;
    response.node_id = -1;
    response.port = -1;
  } else {
    for (const std::string& key : request.coordinator_keys) {
      auto& answer = response.coordinators.append();
      answer.key = key;
      answer.error_code = wire_code(ErrorCode::kCoordinatorNotAvailable);
      answer.error_message = text;
      answer.node_id = -1;
      answer.port = -1;
    }
  }
  context.respond(response);
  return Progress::kReady;
}

}  // namespace semel::api::broker
