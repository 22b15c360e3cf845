// Whole reads and writes over a Stream, for users with one thing to do at a time (peers, the
// command line, tests). The broker's connection loop uses try_read and try_write itself.
#pragma once

#include "base/result.h"
#include "bytes/buffer.h"
#include "rt/task.h"
#include "rt/wait.h"

namespace semel::rt {

/// Fills `into` completely. Errors, all kNetworkException: kClosed (the peer ended or broke the
/// connection, or the deadline passed), kCancelled. `into` and the stream outlive the task.
Task<Result<void>> read_exactly(Stream& stream, bytes::MutableByteSpan into,
                                WaitLimits limits = {});

/// As read_exactly, but reads at least one byte and at most `into.size()`; 0 = the peer ended.
Task<Result<size_t>> read_some(Stream& stream, bytes::MutableByteSpan into, WaitLimits limits = {});

/// Writes all of `bytes`, which outlive the task. Errors as read_exactly.
Task<Result<void>> write_all(Stream& stream, bytes::ByteSpan bytes, WaitLimits limits = {});

}  // namespace semel::rt
