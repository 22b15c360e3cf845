#include "log/append_pace.h"

#include "base/log.h"

namespace semel::log {

void AppendPace::note_stall(rt::Duration took, rt::Instant end) {
  stalls_.fetch_add(1, std::memory_order_relaxed);
  const int64_t before = last_stall_ns_.exchange(end.ns, std::memory_order_relaxed);
  if (before != kNever && end.ns - before < kQuiet.count()) return;
  log_warn("log", "{}: an append took {} ms; appends run on the I/O pool until there was no such stall for {} ms",
           path_, took.count() / 1'000'000, kQuiet.count() / 1'000'000);
}

}  // namespace semel::log
