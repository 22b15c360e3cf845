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

bool has_file(const api::Response& response, const ResponseCursor& cursor) {
  return cursor.splice < response.out.splices().size();
}

rt::FileRange next_file(const api::Response& response, const ResponseCursor& cursor) {
  const auto& splice = response.out.splices()[cursor.splice];
  rt::FileRange range = response.files[splice.id];
  range.at += cursor.file;
  range.size = splice.size - cursor.file;
  return range;
}

/// Moves `cursor` over `count` bytes of the file range that comes next.
void advance_file(const api::Response& response, ResponseCursor& cursor, uint64_t count) {
  cursor.file += count;
  if (cursor.file < response.out.splices()[cursor.splice].size) return;
  ++cursor.splice;
  cursor.file = 0;
}

}  // namespace

/// What one system call is to send.
struct ResponseWriter::Parts {
  std::array<bytes::ByteSpan, kParts> spans;
  size_t count = 0;
  size_t scratch_used = 0;
  bool more_follows = false;

  bool is_full() const { return count == kParts; }
};

bool ResponseWriter::add(const Exchange& exchange, SendScratch& scratch, Parts& parts) {
  const api::Response& response = exchange.response;
  ResponseCursor cursor = exchange.sent;
  while (true) {
    const bytes::ByteSpan memory = next_memory(response, cursor);
    if (!memory.empty()) parts.spans[parts.count++] = memory;
    cursor.memory += memory.size();
    if (!has_file(response, cursor)) return !parts.is_full();
    const rt::FileRange range = next_file(response, cursor);
    const size_t room = kScratchSize - parts.scratch_used;
    if (parts.is_full() || range.size > std::min(room, kCopiedMax)) break;
    if (scratch.empty()) scratch.resize(kScratchSize);
    const auto piece = std::span(scratch).subspan(parts.scratch_used, range.size);
    if (range.file->read_cached(range.at, piece) != piece.size()) break;
    parts.spans[parts.count++] = piece;
    parts.scratch_used += piece.size();
    advance_file(response, cursor, piece.size());
    if (parts.is_full()) break;
  }
  parts.more_follows = !cursor.is_at_end(response);
  return false;
}

rt::Transfer ResponseWriter::send_some(rt::Stream& stream, ResponseQueue& queue,
                                       SendScratch& scratch) {
  Parts parts;
  for (size_t i = 0; i < queue.size(); ++i) {
    const Exchange& exchange = queue.at(i);
    const api::Response& response = exchange.response;
    if (!exchange.is_finished || response.fate == api::Response::Fate::kClose) break;
    if (response.fate == api::Response::Fate::kNone) continue;
    if (!add(exchange, scratch, parts)) break;
  }
  if (parts.count > 0) {
    const rt::Transfer sent = stream.try_write(
        std::span<const bytes::ByteSpan>(parts.spans.data(), parts.count), parts.more_follows);
    if (sent.state == rt::Transfer::State::kDone) advance(queue, sent.count);
    return sent;
  }
  Exchange& head = queue.front();
  const rt::FileRange range = next_file(head.response, head.sent);
  const bool more = head.sent.memory < head.response.out.written().size() ||
                    head.sent.splice + 1 < head.response.out.splices().size();
  const rt::Transfer sent = stream.try_send_file(range, more);
  if (sent.state == rt::Transfer::State::kDone) advance_file(head.response, head.sent, sent.count);
  return sent;
}

void ResponseWriter::advance(ResponseQueue& queue, size_t count) {
  for (size_t i = 0; count > 0; ++i) {
    Exchange& exchange = queue.at(i);
    const api::Response& response = exchange.response;
    if (response.fate != api::Response::Fate::kSend) continue;
    while (count > 0 && !exchange.sent.is_at_end(response)) {
      const size_t memory = std::min(next_memory(response, exchange.sent).size(), count);
      exchange.sent.memory += memory;
      count -= memory;
      if (count == 0 || !has_file(response, exchange.sent)) break;
      const uint64_t piece = std::min<uint64_t>(next_file(response, exchange.sent).size, count);
      advance_file(response, exchange.sent, piece);
      count -= piece;
    }
  }
}

}  // namespace semel::net
