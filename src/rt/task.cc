#include "rt/task.h"

#include <array>
#include <cstdint>
#include <new>

#include "rt/poison.h"

namespace semel::rt {
namespace {

constexpr size_t kStep = 64;
constexpr size_t kClasses = 4096 / kStep;
constexpr uint32_t kKeptPerClass = 64;

// True once this thread's cache is gone: frames freed later, by destructors of other thread-locals,
// go to the heap.
constinit thread_local bool cache_is_gone = false;

// Frames that this thread may use again, by size class: class c holds frames of (c + 1) * kStep
// bytes. A frame may be freed on another thread than it came from; the bound keeps such a drift
// small.
class FrameCache {
 public:
  FrameCache() = default;
  FrameCache(const FrameCache&) = delete;
  FrameCache& operator=(const FrameCache&) = delete;
  ~FrameCache() {
    cache_is_gone = true;
    for (size_t size_class = 0; size_class < kClasses; ++size_class) {
      while (void* frame = take(size_class)) ::operator delete(frame);
    }
  }

  void* take(size_t size_class) {
    List& list = lists_[size_class];
    Free* frame = list.head;
    if (frame == nullptr) return nullptr;
    SEMEL_UNPOISON(frame, (size_class + 1) * kStep);
    list.head = frame->next;
    --list.count;
    return frame;
  }
  bool keep(void* frame, size_t size_class) {
    List& list = lists_[size_class];
    if (list.count == kKeptPerClass) return false;
    list.head = new (frame) Free{list.head};
    ++list.count;
    SEMEL_POISON(frame, (size_class + 1) * kStep);
    return true;
  }

 private:
  struct Free {
    Free* next;
  };
  struct List {
    Free* head = nullptr;
    uint32_t count = 0;
  };
  std::array<List, kClasses> lists_;
};

FrameCache& frame_cache() {
  thread_local FrameCache cache;
  return cache;
}

constexpr size_t class_of(size_t size) { return (size - 1) / kStep; }

// The coroutine that carries a spawned task: it starts at once and frees itself at its end.
struct Detached {
  struct promise_type : detail::PromiseBase {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
  };
};

Detached carry(Task<void> task) { co_await task; }

}  // namespace

void* allocate_frame(size_t size) {
  SEMEL_ASSERT(size > 0);
  const size_t size_class = class_of(size);
  if (size_class >= kClasses) return ::operator new(size);
  if (!cache_is_gone) {
    if (void* frame = frame_cache().take(size_class)) return frame;
  }
  return ::operator new((size_class + 1) * kStep);
}

void free_frame(void* frame, size_t size) noexcept {
  const size_t size_class = class_of(size);
  if (size_class < kClasses && !cache_is_gone && frame_cache().keep(frame, size_class)) return;
  ::operator delete(frame);
}

void spawn(Task<void> task) { carry(std::move(task)); }

}  // namespace semel::rt
