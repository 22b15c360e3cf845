// Flusher: group commit of one file system, for logs of durability class `ack`.
//
// Requests that arrive while a commit runs form the next one. A commit of up to four dirty files is
// parallel fdatasyncs; of more it is one syncfs, unless syncfs took longer lately than so many
// files would (it waits for other writers too) or the system cannot do it with reliable errors.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "log/log.h"
#include "rt/disk.h"
#include "rt/executor.h"
#include "rt/runtime.h"

namespace semel::log {

struct FlusherCounters {
  uint64_t commits = 0;
  uint64_t logs = 0;  // summed over commits
  uint64_t file_syncs = 0;
  uint64_t filesystem_syncs = 0;
};

class Flusher {
 public:
  explicit Flusher(const rt::Runtime& runtime);
  ~Flusher();

  /// Any thread. Everything appended to `log` before the call becomes durable; then the log's
  /// listener hears on_flushed on one of the executors (that of the request which began the commit,
  /// if it was one: so memory comes back to where it was taken from). Failure takes the log's
  /// directory offline instead. Requests for a log that already waits are merged.
  void request(std::shared_ptr<Log> log);
  FlusherCounters counters() const;
  /// Runs `done` on the first executor when no commit runs and none waits.
  void when_idle(rt::UniqueFunction<void()> done);

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace semel::log
