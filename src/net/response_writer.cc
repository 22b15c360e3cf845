#include "net/response_writer.h"

#include <algorithm>
#include <array>

#include "net/response_queue.h"

namespace semel::net {
namespace {

constexpr size_t kParts = 64;

/// Bytes of `response` from `cursor` to the next splice or the end.
bytes::ByteSpan next_memory(const api::Response& response, const ResponseCursor& cursor) {
  const bytes::ByteSpan all = response.out.written();
  const auto& splices = response.out.splices();
  const size_t end = cursor.splice < splices.size() ? splices[cursor.splice].position : all.size();
  return all.subspan(cursor.memory, end - cursor.memory);
}

rt::FileRange next_file(const api::Response& response, const ResponseCursor& cursor) {
  const auto& splice = response.out.splices()[cursor.splice];
  rt::FileRange range = response.files[splice.id];
  range.at += cursor.file;
  range.size = splice.size - cursor.file;
  return range;
}

}  // namespace

rt::Transfer ResponseWriter::send_some(rt::Stream& stream, ResponseQueue& queue) {
  std::array<bytes::ByteSpan, kParts> parts;
  size_t count = 0;
  bool file_follows = false;
  bool full = false;
  for (size_t i = 0; i < queue.size() && !file_follows && !full; ++i) {
    Exchange& exchange = queue.at(i);
    const api::Response& response = exchange.response;
    if (!exchange.is_finished || response.fate == api::Response::Fate::kClose) break;
    if (response.fate == api::Response::Fate::kNone) continue;
    const bytes::ByteSpan memory = next_memory(response, exchange.sent);
    if (!memory.empty()) parts[count++] = memory;
    file_follows = exchange.sent.splice < response.out.splices().size();
    full = count == kParts;
  }
  if (count > 0) {
    const rt::Transfer sent =
        stream.try_write(std::span<const bytes::ByteSpan>(parts.data(), count), file_follows || full);
    if (sent.state == rt::Transfer::State::kDone) advance_memory(queue, sent.count);
    return sent;
  }
  Exchange& head = queue.front();
  const rt::FileRange range = next_file(head.response, head.sent);
  const bool more = head.sent.memory < head.response.out.written().size() ||
                    head.sent.splice + 1 < head.response.out.splices().size();
  const rt::Transfer sent = stream.try_send_file(range, more);
  if (sent.state == rt::Transfer::State::kDone) {
    head.sent.file += sent.count;
    if (sent.count >= range.size) {
      ++head.sent.splice;
      head.sent.file = 0;
    }
  }
  return sent;
}

void ResponseWriter::advance_memory(ResponseQueue& queue, size_t count) {
  for (size_t i = 0; count > 0; ++i) {
    Exchange& exchange = queue.at(i);
    if (exchange.response.fate != api::Response::Fate::kSend) continue;
    const size_t size = next_memory(exchange.response, exchange.sent).size();
    const size_t sent = std::min(size, count);
    exchange.sent.memory += sent;
    count -= sent;
  }
}

}  // namespace semel::net
