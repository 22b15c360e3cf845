#include "wire/frame.h"

#include <limits>

#include <fmt/format.h>

#include "wire/decoder.h"

namespace semel::wire {
namespace {

bool skip_tags(bytes::Reader& reader) {
  Decoder decoder(reader, 0, true);
  Decoder::TagCursor cursor;
  while (decoder.next_tag(cursor)) reader.skip(cursor.size);
  return reader.ok();
}

std::unexpected<Error> bad_header(const char* what, const bytes::Reader& reader) {
  return fail(ErrorCode::kInvalidRequest, fmt::format("{}: {}", what, reader.failure()));
}

}  // namespace

Result<size_t> read_frame_size(bytes::ByteSpan four_bytes, size_t limit) {
  SEMEL_ASSERT(four_bytes.size() >= kFrameSizeBytes);
  const auto size = bytes::load_be<int32_t>(four_bytes.data());
  if (size < 0 || static_cast<size_t>(size) > limit)
    return fail(ErrorCode::kInvalidRequest,
                fmt::format("frame size {}, allowed are 0 … {}", size, limit));
  return static_cast<size_t>(size);
}

FrameStart begin_frame(bytes::Writer& writer) {
  const FrameStart start{writer.size(), writer.total_size()};
  writer.put_i32(0);
  return start;
}

void end_frame(bytes::Writer& writer, FrameStart start) {
  const size_t size = writer.total_size() - start.total_before - kFrameSizeBytes;
  SEMEL_ASSERT(size <= static_cast<size_t>(std::numeric_limits<int32_t>::max()));
  writer.patch_be(start.position, static_cast<int32_t>(size));
}

Result<RequestPrefix> peek_request(bytes::ByteSpan frame) {
  bytes::Reader reader(frame);
  RequestPrefix prefix;
  prefix.api_key = reader.read_i16();
  prefix.api_version = reader.read_i16();
  prefix.correlation_id = reader.read_i32();
  if (!reader.ok()) return bad_header("request header", reader);
  return prefix;
}

Result<RequestHeader> read_request_header(bytes::Reader& reader, int16_t header_version) {
  RequestHeader header;
  header.api_key = reader.read_i16();
  header.api_version = reader.read_i16();
  header.correlation_id = reader.read_i32();
  const int16_t length = reader.read_i16();
  if (length >= 0) header.client_id = reader.read_text(static_cast<size_t>(length));
  if (header_version >= 2) skip_tags(reader);
  if (!reader.ok()) return bad_header("request header", reader);
  return header;
}

void put_request_header(bytes::Writer& writer, const RequestHeader& header,
                        int16_t header_version) {
  writer.put_i16(header.api_key);
  writer.put_i16(header.api_version);
  writer.put_i32(header.correlation_id);
  const std::string_view id = header.client_id.value_or("");
  SEMEL_ASSERT(id.size() <= static_cast<size_t>(std::numeric_limits<int16_t>::max()));
  writer.put_i16(header.client_id ? static_cast<int16_t>(id.size()) : int16_t{-1});
  writer.put_text(id);
  if (header_version >= 2) writer.put_uvarint(0);
}

Result<int32_t> read_response_header(bytes::Reader& reader, int16_t header_version) {
  const int32_t correlation_id = reader.read_i32();
  if (header_version >= 1) skip_tags(reader);
  if (!reader.ok()) return bad_header("response header", reader);
  return correlation_id;
}

void put_response_header(bytes::Writer& writer, int32_t correlation_id, int16_t header_version) {
  writer.put_i32(correlation_id);
  if (header_version >= 1) writer.put_uvarint(0);
}

}  // namespace semel::wire
