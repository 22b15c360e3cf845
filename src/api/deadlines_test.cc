#include "api/deadlines.h"

#include <future>
#include <random>

#include <gtest/gtest.h>

#include "rt/linux/test_runtime.h"

namespace semel::api {
namespace {

struct Noted final : Deadline {
  void on_deadline() override { fired->push_back(number); }
  std::vector<int>* fired = nullptr;
  int number = 0;
};

rt::Task<void> pause(rt::Executor& executor, int ms) {
  co_await rt::sleep_for(executor, std::chrono::milliseconds(ms));
}

TEST(Deadlines, FireInOrderAndOnlyWhatIsStillSet) {
  rt::StartedRuntime runtime;
  std::vector<int> fired;
  std::vector<Noted> all(200);
  std::optional<Deadlines> deadlines;
  std::vector<int> expected;
  runtime.on(0, [&] {
    deadlines.emplace(runtime.executor());
    const rt::Instant now = runtime->clock->now();
    std::mt19937 chance(3);
    std::vector<int> order(all.size());
    for (size_t i = 0; i < all.size(); ++i) order[i] = static_cast<int>(i);
    std::shuffle(order.begin(), order.end(), chance);
    for (const int i : order) {
      Noted& noted = all[static_cast<size_t>(i)];
      noted.fired = &fired;
      noted.number = i;
      deadlines->set(noted, now + std::chrono::microseconds(100 * i));
    }
    for (const int i : order) {
      if (i % 3 == 0)
        deadlines->remove(all[static_cast<size_t>(i)]);
      else
        expected.push_back(i);
    }
    deadlines->remove(all[0]);
  });
  runtime.run([&] { return pause(runtime.executor(), 60); });
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(fired, expected);
  runtime.on(0, [&] { deadlines.reset(); });
}

TEST(Deadlines, AnEarlierOneComesFirstAndMayBeSetAgain) {
  rt::StartedRuntime runtime;
  std::vector<int> fired;
  Noted late;
  Noted soon;
  std::optional<Deadlines> deadlines;
  runtime.on(0, [&] {
    deadlines.emplace(runtime.executor());
    late.fired = soon.fired = &fired;
    late.number = 1;
    soon.number = 2;
    const rt::Instant now = runtime->clock->now();
    deadlines->set(late, now + std::chrono::hours(1));
    deadlines->set(soon, now + std::chrono::milliseconds(2));
    deadlines->set(late, now + std::chrono::milliseconds(6));
  });
  runtime.run([&] { return pause(runtime.executor(), 30); });
  EXPECT_EQ(fired, (std::vector<int>{2, 1}));
  runtime.on(0, [&] { deadlines.reset(); });
}

}  // namespace
}  // namespace semel::api
