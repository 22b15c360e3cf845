// MemoryStream: a connected pair of Streams inside the process, between two executors (or on one).
// The broker reaches its embedded controller through it, with the code that it uses for sockets.
#pragma once

#include <memory>
#include <utility>

#include "rt/network.h"

namespace semel::rt {

/// Each direction holds at most `capacity` bytes (> 0, allocated at once); a full one answers
/// kWouldBlock. After one end was closed or destroyed the other reads what was sent before, then
/// kEnd, and its writes fail. peer() and local() are `name` with port 0.
std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> make_memory_streams(
    Executor& first, Executor& second, size_t capacity, std::string_view name = "memory");

}  // namespace semel::rt
