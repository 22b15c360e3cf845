#include "api/broker/forward.h"

#include <array>

#include <arpa/inet.h>

#include "base/log.h"
#include "gen/data/default_principal_data.h"

namespace semel::api::broker {

bytes::Buffer serialize_principal(const security::Principal& principal) {
  constexpr int16_t kVersion = 0;
  gen::DefaultPrincipalData data;
  data.type = principal.type;
  data.name = principal.name;
  bytes::Writer writer;
  writer.put_i16(kVersion);
  const auto encoded = data.encode(writer, kVersion);
  SEMEL_ASSERT(encoded.has_value());
  return writer.take();
}

std::vector<uint8_t> address_bytes(const std::string& host) {
  std::array<uint8_t, 16> raw{};
  if (inet_pton(AF_INET6, host.c_str(), raw.data()) == 1) return {raw.begin(), raw.end()};
  std::ignore = inet_pton(AF_INET, host.c_str(), raw.data());
  return {raw.begin(), raw.begin() + 4};
}

rt::Task<Progress> ForwardHandler::run(RequestContext& context) {
  cluster::ForwardedRequest request;
  request.request = context.frame();
  request.principal = serialize_principal(context.connection().principal);
  request.client_address = address_bytes(context.connection().peer.host);
  auto answer = co_await services_.controller.forward(context.executor(), std::move(request),
                                                      services_.facts.request_timeout);
  if (!answer) {
    log_warn("api", "API {} could not be passed on to the controller: {}", context.header.key,
             answer.error().context);
    co_return Progress::kClose;
  }
  context.respond_raw(*answer);
  co_return Progress::kReady;
}

}  // namespace semel::api::broker
