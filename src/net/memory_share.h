// MemoryShare: one reactor's part of the memory budget, for what requests take beyond their frames:
// decoded fields, work under way, answers that are not sent yet.
//
// Used on its reactor only. The first kFree bytes cost nothing, so that light traffic touches no
// shared counter, and kFreeForSmall keeps small requests going when the budget is used up; what is
// above is reserved from the MemoryBudget in steps.
//
// Nobody waits for ever: when the budget is used up, one request at a time is served beyond it.
// Long polls are ended then, and connections that do not read their answers are closed.
#pragma once

#include <cstddef>

#include "api/request_memory.h"
#include "base/assert.h"
#include "base/units.h"
#include "net/memory_budget.h"
#include "rt/executor.h"

namespace semel::net {

class MemoryShare final : public api::RequestMemory {
 public:
  static constexpr size_t kFree = 1_MiB;
  static constexpr size_t kFreeForSmall = 4_MiB;
  static constexpr size_t kSmall = 64_KiB;
  static constexpr size_t kStep = 1_MiB;

  MemoryShare(MemoryBudget& budget, rt::Executor& owner) : budget_(budget), owner_(owner) {}
  MemoryShare(const MemoryShare&) = delete;
  MemoryShare& operator=(const MemoryShare&) = delete;
  ~MemoryShare() override;

  /// Small requests overtake those that wait.
  bool try_take(size_t bytes) override {
    if (taken_ + bytes > kFree) [[unlikely]]
      return (first_ == nullptr || bytes <= kSmall) && grow_by(bytes);
    taken_ += bytes;
    return true;
  }
  void take_anyway(size_t bytes) override {
    if (!try_take(bytes)) taken_ += bytes;
  }
  void give_back(size_t bytes) override {
    SEMEL_ASSERT(taken_ >= bytes);
    taken_ -= bytes;
    if (reserved_ > 0 || overdraft_ > 0 || first_ != nullptr) [[unlikely]]
      shrink();
  }

  /// When its Mail runs, `bytes` are taken for it.
  struct Waiter : rt::Mail {
    size_t bytes = 0;
    Waiter* next = nullptr;
  };
  /// After try_take() failed. `waiter` must not be in the queue.
  void wait(Waiter& waiter);
  /// True: `waiter` was taken back and holds nothing. False: its Mail is on the way.
  bool cancel(Waiter& waiter);

  bool is_short() const { return first_ != nullptr; }
  size_t taken() const { return taken_; }

 private:
  bool grow_by(size_t bytes);
  bool reserve(size_t bytes);
  void shrink();
  void serve();

  MemoryBudget& budget_;
  rt::Executor& owner_;
  size_t taken_ = 0;
  size_t reserved_ = 0;   // of the budget
  size_t overdraft_ = 0;  // taken though the budget was used up
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

}  // namespace semel::net
