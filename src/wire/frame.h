// Frames and headers: what surrounds every message on a connection.
//
//   size i32 | header | body              size counts header and body
//   request header:   key i16, version i16, correlation id i32, client id (i16 length, −1 = null)
//                     and, from header version 2, a tagged section
//   response header:  correlation id i32 and, from header version 1, a tagged section
//
// Which header version an API version has, gen/api_table.h tells.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "bytes/reader.h"
#include "bytes/writer.h"

namespace semel::wire {

inline constexpr size_t kFrameSizeBytes = 4;

/// The size field: kInvalidRequest if it is negative or greater than `limit`.
Result<size_t> read_frame_size(bytes::ByteSpan four_bytes, size_t limit);

/// Starts a frame behind what `writer` holds; end_frame sets its size, spliced bytes included.
struct FrameStart {
  size_t position;
  size_t total_before;
};
FrameStart begin_frame(bytes::Writer& writer);
void end_frame(bytes::Writer& writer, FrameStart start);

/// The fields that every request header begins with; enough to find the header version.
struct RequestPrefix {
  int16_t api_key = 0;
  int16_t api_version = 0;
  int32_t correlation_id = 0;
};
Result<RequestPrefix> peek_request(bytes::ByteSpan frame);

struct RequestHeader {
  int16_t api_key = 0;
  int16_t api_version = 0;
  int32_t correlation_id = 0;
  /// Lies in the frame. Kafka takes null as "".
  std::optional<std::string_view> client_id;
};
/// Reads a header of version 1 or 2; tags are skipped. The reader is then at the body.
Result<RequestHeader> read_request_header(bytes::Reader& reader, int16_t header_version);
void put_request_header(bytes::Writer& writer, const RequestHeader& header, int16_t header_version);

/// Reads a header of version 0 or 1 and returns the correlation id.
Result<int32_t> read_response_header(bytes::Reader& reader, int16_t header_version);
void put_response_header(bytes::Writer& writer, int32_t correlation_id, int16_t header_version);

}  // namespace semel::wire
