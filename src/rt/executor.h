// Executor: one reactor. Work posted to it runs there one piece at a time, in the order posted.
#pragma once

#include <cstdint>

#include "rt/clock.h"
#include "rt/function.h"

namespace semel::rt {

/// A piece of work that its owner embeds, so that posting it allocates nothing. It must stay alive
/// and must not be posted again until `run` was called.
class Mail {
 public:
  virtual ~Mail() = default;
  virtual void run() = 0;

  Mail* next_in_mailbox = nullptr;  // the executor's
};

struct TimerId {
  uint64_t value = 0;  // 0 = none
};

class Executor {
 public:
  virtual ~Executor() = default;

  /// Any thread. The work runs on this executor; work posted after stop is destroyed unrun.
  virtual void post(UniqueFunction<void()> work) = 0;
  /// Any thread; allocation-free.
  virtual void post(Mail& mail) = 0;

  /// On this executor only: `mail` runs behind all that is queued here now, before the executor
  /// looks for new events. Allocation-free.
  virtual void post_last(Mail& mail) { post(mail); }

  /// On this executor only: runs `work` here at `when` or soon after.
  virtual TimerId run_at(Instant when, UniqueFunction<void()> work) = 0;
  /// On this executor only. False if the work has run or was cancelled before.
  virtual bool cancel(TimerId timer) = 0;

  /// True if the caller runs on this executor.
  virtual bool is_current() const = 0;
  /// 0 … count − 1 of its runtime.
  virtual uint32_t index() const = 0;
  virtual Clock& clock() = 0;
};

}  // namespace semel::rt
