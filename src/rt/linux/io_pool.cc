#include "rt/linux/io_pool.h"

#include <utility>

#include <sys/resource.h>
#include <unistd.h>

#include "base/assert.h"
#include "rt/linux/thread_name.h"

namespace semel::rt::linux_os {
namespace {

constexpr int kLowerBy = 10;

}  // namespace

// Born and, as mail, freed on the submitter's executor, so that its memory stays in one cache.
struct IoPool::Job final : SelfOwnedMail {
  Job(UniqueFunction<void()> w, Executor& b, UniqueFunction<void()> d)
      : work(std::move(w)), back(b), done(std::move(d)) {}
  void run() override {
    auto last = std::move(done);
    delete this;
    last();
  }

  UniqueFunction<void()> work;
  Executor& back;
  UniqueFunction<void()> done;
};

IoPool::IoPool(uint32_t threads, Priority priority) : limit_(threads), priority_(priority) {
  SEMEL_ASSERT(threads > 0);
  state_.lock()->threads.reserve(threads);
}

IoPool::~IoPool() { stop(); }

void IoPool::submit(UniqueFunction<void()> work, Executor& back, UniqueFunction<void()> done) {
  auto job = std::make_unique<Job>(std::move(work), back, std::move(done));
  auto state = state_.lock();
  if (state->is_stopping) return;
  state->jobs.push(*job.release());
  ++state->queued;
  changed_.notify_one();
  if (state->queued > state->idle && state->threads.size() < limit_) {
    state->threads.emplace_back([this] { thread_main(); });
  }
}

void IoPool::stop() {
  std::vector<std::thread> threads;
  MailQueue unrun;
  {
    auto state = state_.lock();
    state->is_stopping = true;
    threads = std::exchange(state->threads, {});
    unrun = std::exchange(state->jobs, {});
  }
  changed_.notify_all();
  for (std::thread& thread : threads) thread.join();
  while (Mail* job = unrun.pop()) delete static_cast<Job*>(job);
}

// On Linux a nice value belongs to the thread. Lowering one's own priority is always allowed.
void IoPool::thread_main() {
  if (priority_ == Priority::kLow) {
    name_this_thread("semel-calc");
    const auto self = static_cast<id_t>(::gettid());
    ::setpriority(PRIO_PROCESS, self, ::getpriority(PRIO_PROCESS, self) + kLowerBy);
  } else {
    name_this_thread("semel-io");
  }
  work_loop();
}

void IoPool::work_loop() {
  while (true) {
    Job* job = nullptr;
    {
      auto state = state_.lock();
      job = static_cast<Job*>(state->jobs.pop());
      if (job == nullptr) {
        if (state->is_stopping) return;
        ++state->idle;
        state.wait(changed_, [](State& s) { return !s.jobs.empty() || s.is_stopping; });
        --state->idle;
        continue;
      }
      --state->queued;
    }
    job->work();
    job->work = {};
    job->back.post(*job);
  }
}

}  // namespace semel::rt::linux_os
