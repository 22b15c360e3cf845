#include "rt/stream_io.h"

#include <fmt/format.h>

namespace semel::rt {
namespace {

std::unexpected<Error> broken(Stream& stream, std::string_view what) {
  return fail(ErrorCode::kNetworkException, fmt::format("{}: {}", stream.peer().to_text(), what),
              Cause::kClosed);
}

std::unexpected<Error> not_ready(Stream& stream, WaitOutcome outcome) {
  if (outcome == WaitOutcome::kCancelled) {
    return fail(ErrorCode::kNetworkException, "cancelled", Cause::kCancelled);
  }
  return broken(stream, "the deadline passed");
}

}  // namespace

Task<Result<size_t>> read_some(Stream& stream, bytes::MutableByteSpan into, WaitLimits limits) {
  while (true) {
    const Transfer transfer = stream.try_read(into);
    switch (transfer.state) {
      case Transfer::State::kDone:
        co_return transfer.count;
      case Transfer::State::kEnd:
        co_return size_t{0};
      case Transfer::State::kFailed:
        co_return broken(stream, "the connection broke");
      case Transfer::State::kWouldBlock:
        break;
    }
    const auto outcome = co_await readable(stream, limits);
    if (outcome != WaitOutcome::kReady) co_return not_ready(stream, outcome);
  }
}

Task<Result<void>> read_exactly(Stream& stream, bytes::MutableByteSpan into, WaitLimits limits) {
  while (!into.empty()) {
    auto count = co_await read_some(stream, into, limits);
    if (!count) co_return fail(std::move(count.error()));
    if (*count == 0) co_return broken(stream, "the peer closed the connection");
    into = into.subspan(*count);
  }
  co_return Result<void>{};
}

Task<Result<void>> write_all(Stream& stream, bytes::ByteSpan bytes, WaitLimits limits) {
  while (!bytes.empty()) {
    const Transfer transfer = stream.try_write(std::span(&bytes, 1), false);
    if (transfer.state == Transfer::State::kDone) {
      bytes = bytes.subspan(transfer.count);
      continue;
    }
    if (transfer.state != Transfer::State::kWouldBlock)
      co_return broken(stream, "the connection broke");
    const auto outcome = co_await writable(stream, limits);
    if (outcome != WaitOutcome::kReady) co_return not_ready(stream, outcome);
  }
  co_return Result<void>{};
}

}  // namespace semel::rt
