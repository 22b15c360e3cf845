// A whole frame from a client: prefix, header, body of any API, and the response of the same
// version.
#include <algorithm>

#include "base/assert.h"
#include "gen/any_message.h"
#include "gen/api_table.h"
#include "gen/header.h"
#include "wire/frame.h"

namespace {

using namespace semel;

/// What decodes is encoded without loss: decoding it again gives the same bytes.
void check(const gen::AnyMessage& message, bytes::Reader& reader, int16_t version) {
  bytes::Writer first;
  if (!message.recode(reader, version, first)) return;
  bytes::Reader again(first.written());
  bytes::Writer second;
  SEMEL_ASSERT(message.recode(again, version, second).has_value() && again.remaining() == 0);
  SEMEL_ASSERT(std::ranges::equal(first.written(), second.written()));
}

void check_body(gen::MessageKind kind, const wire::RequestPrefix& prefix, bytes::Reader reader) {
  const gen::AnyMessage* message = gen::find_message(kind, prefix.api_key);
  if (message != nullptr) check(*message, reader, prefix.api_version);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const bytes::Buffer frame =
      bytes::Buffer::copy_of(std::as_bytes(std::span<const uint8_t>(data, size)));
  const auto prefix = wire::peek_request(frame.span());
  if (!prefix) return 0;
  const int16_t header_version = gen::request_header_version(prefix->api_key, prefix->api_version);
  if (header_version < 0) return 0;
  bytes::Reader reader(frame);
  gen::RequestHeader full;
  const bool full_is_read = full.decode(reader, header_version).has_value();
  bytes::Reader quick(frame);
  const auto header = wire::read_request_header(quick, header_version);
  SEMEL_ASSERT(header.has_value() == full_is_read);
  if (!header) return 0;
  SEMEL_ASSERT(quick.position() == reader.position());
  check_body(gen::MessageKind::kRequest, *prefix, reader);
  check_body(gen::MessageKind::kResponse, *prefix, reader);
  return 0;
}
