// Any message or record by its number in the table: the first two bytes choose it, the third its
// version, the rest is its body. Printing must not harm either.
#include <algorithm>

#include "base/assert.h"
#include "gen/any_message.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace semel;
  if (size < 3) return 0;
  const auto messages = gen::all_messages();
  const gen::AnyMessage& message = messages[(size_t{data[0]} << 8 | data[1]) % messages.size()];
  const auto versions = static_cast<size_t>(message.max_version - message.min_version + 1);
  const auto version =
      static_cast<int16_t>(message.min_version + static_cast<int16_t>(data[2] % versions));
  const bytes::ByteSpan body = std::as_bytes(std::span<const uint8_t>(data + 3, size - 3));

  bytes::Reader reader(body);
  bytes::Writer writer;
  const bool is_decoded = message.recode(reader, version, writer).has_value();
  bytes::Reader print_reader(body);
  std::string json;
  const bool is_printed = message.print(print_reader, version, json).has_value();
  SEMEL_ASSERT(is_printed || !is_decoded);
  if (!is_decoded) return 0;
  bytes::Reader again(writer.written());
  bytes::Writer second;
  SEMEL_ASSERT(message.recode(again, version, second).has_value());
  SEMEL_ASSERT(std::ranges::equal(writer.written(), second.written()));
  return 0;
}
