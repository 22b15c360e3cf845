// ResponseWriter: sends finished responses, as many as fit into one system call. Large file ranges
// leave without passing through memory; small ones are copied, which costs less than the calls that
// it saves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "net/response_queue.h"
#include "rt/network.h"

namespace semel::net {

/// Room for small pieces of files on their way into a socket. One reactor's.
using SendScratch = std::vector<std::byte>;

class ResponseWriter {
 public:
  /// File ranges up to this size are copied.
  static constexpr size_t kCopiedMax = 32 * 1024;
  static constexpr size_t kScratchSize = 128 * 1024;

  enum class Outcome : uint8_t {
    kDrained,     // the head of the queue is unfinished, or the queue is empty
    kWouldBlock,  // wait until the stream is writable
    kMustClose,   // the head asks for the connection to end, and everything before it is out
    kFailed,      // the stream is broken
  };

  /// Sends from the head. Calls `queue` only through front(), at() and `done` (which must pop the
  /// head and recycle it).
  template <class Done>
  Outcome write(rt::Stream& stream, ResponseQueue& queue, SendScratch& scratch, Done&& done);

  /// Bytes handed to the stream so far.
  uint64_t bytes_sent() const { return bytes_sent_; }

 private:
  struct Parts;
  rt::Transfer send_some(rt::Stream& stream, ResponseQueue& queue, SendScratch& scratch);
  /// Adds what can be sent of a response; false if nothing may follow in the same call.
  static bool add(const Exchange& exchange, SendScratch& scratch, Parts& parts);
  /// Moves cursors over `count` sent bytes, from the head on.
  static void advance(ResponseQueue& queue, size_t count);

  uint64_t bytes_sent_ = 0;
};

template <class Done>
ResponseWriter::Outcome ResponseWriter::write(rt::Stream& stream, ResponseQueue& queue,
                                              SendScratch& scratch, Done&& done) {
  while (true) {
    while (!queue.empty() && queue.front().is_finished) {
      Exchange& head = queue.front();
      if (head.response.fate == api::Response::Fate::kClose) return Outcome::kMustClose;
      const bool sends = head.response.fate == api::Response::Fate::kSend;
      if (sends && !head.sent.is_at_end(head.response)) break;
      done();
    }
    if (queue.empty() || !queue.front().is_finished) return Outcome::kDrained;
    const rt::Transfer transfer = send_some(stream, queue, scratch);
    if (transfer.state == rt::Transfer::State::kWouldBlock) return Outcome::kWouldBlock;
    if (transfer.state != rt::Transfer::State::kDone) return Outcome::kFailed;
    bytes_sent_ += transfer.count;
  }
}

}  // namespace semel::net
