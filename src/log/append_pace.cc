#include "log/append_pace.h"

#include "base/log.h"

namespace semel::log {

void AppendPace::note_long(const Start& start, rt::Instant now) {
  last_long_ns_.store(now.ns, std::memory_order_relaxed);
  if (!start.waits || disk_.thread_waits() == *start.waits) return;
  stalls_.fetch_add(1, std::memory_order_relaxed);
  const bool was_slow = is_within(last_stall_ns_, now);
  last_stall_ns_.store(now.ns, std::memory_order_relaxed);
  if (was_slow) return;
  log_warn("log",
           "{}: an append waited {} ms for the disk; appends run on the I/O pool until there was "
           "no such "
           "wait for {} ms",
           path_, (now - start.at).count() / 1'000'000, kQuiet.count() / 1'000'000);
}

}  // namespace semel::log
