#include "cluster/producer_id_allocator.h"

#include <optional>

#include "base/log.h"
#include "rt/event.h"
#include "rt/guarded.h"

namespace semel::cluster {

/// Shared with the task that asks the controller.
struct ProducerIdAllocator::Core {
  Core(ProducerIdSource& s, rt::Executor& h) : source(s), home(h), arrived(h) {}

  /// The next id, or nothing if no block is there. Sets `should_ask` if nine tenths of the block
  /// are used, or if there is none, and nobody asks yet.
  std::optional<ProducerId> take(bool& should_ask) {
    auto blocks = state.lock();
    if (blocks->next == blocks->end && blocks->ahead.count > 0) {
      blocks->next = blocks->ahead.first;
      blocks->end = blocks->ahead.first + blocks->ahead.count;
      blocks->ahead = {};
      size = blocks->end - blocks->next;
    }
    const int64_t left = blocks->end - blocks->next;
    should_ask = left * 10 <= size && blocks->ahead.count == 0 && !blocks->is_fetching;
    if (should_ask) blocks->is_fetching = true;
    if (left == 0) return std::nullopt;
    return ProducerId{blocks->next++};
  }

  /// On executor 0.
  static rt::Task<void> ask(std::shared_ptr<Core> core) {
    co_await rt::resume_on(core->home);
    const auto block = co_await core->source.next_block();
    {
      auto blocks = core->state.lock();
      blocks->is_fetching = false;
      if (block) blocks->ahead = *block;
    }
    if (!block) log_warn("cluster", "no block of producer ids: {}", block.error().context);
    core->arrived.set();
    core->arrived.reset();
  }

  /// Waits on executor 0 for the end of an ask that is under way.
  rt::Task<void> wait_for_block() {
    co_await rt::resume_on(home);
    const bool is_fetching = state.lock()->is_fetching;
    if (is_fetching) co_await arrived.wait();
  }

  ProducerIdSource& source;
  rt::Executor& home;
  rt::Event arrived;
  rt::Guarded<Blocks> state;
  int64_t size = 1;  // of the present block; guarded by state
};

ProducerIdAllocator::ProducerIdAllocator(ProducerIdSource& source, rt::Executor& home)
    : core_(std::make_shared<Core>(source, home)) {}

rt::Task<Result<ProducerId>> ProducerIdAllocator::next(rt::Executor& caller) {
  const std::shared_ptr<Core> core = core_;
  for (int attempt = 0; attempt < 3; ++attempt) {
    bool should_ask = false;
    const auto id = core->take(should_ask);
    if (should_ask) rt::spawn(Core::ask(core));
    if (id) co_return *id;
    co_await core->wait_for_block();
    co_await rt::resume_on(caller);
  }
  co_return fail(ErrorCode::kCoordinatorLoadInProgress,
                 "the controller gave no block of producer ids");
}

}  // namespace semel::cluster
