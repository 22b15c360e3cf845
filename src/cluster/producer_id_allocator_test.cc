#include "cluster/producer_id_allocator.h"

#include <gtest/gtest.h>

#include "rt/test_executor.h"

namespace semel::cluster {
namespace {

struct Blocks final : ProducerIdSource {
  explicit Blocks(rt::Executor& e) : executor(e) {}
  rt::Task<Result<ProducerIdBlock>> next_block() override {
    ++asked;
    co_await rt::resume_on(executor);
    if (is_down) co_return fail(ErrorCode::kNotController, "no controller");
    const int64_t first = next;
    next += 10;
    co_return ProducerIdBlock{first, 10};
  }
  rt::Executor& executor;
  int64_t next = 1000;
  int asked = 0;
  bool is_down = false;
};

class ProducerIdAllocatorTest : public testing::Test {
 protected:
  Result<ProducerId> take() {
    std::optional<Result<ProducerId>> got;
    rt::spawn([](ProducerIdAllocator& ids, rt::Executor& e,
                 std::optional<Result<ProducerId>>& out) -> rt::Task<void> {
      auto id = co_await ids.next(e);
      out.emplace(std::move(id));
    }(ids_, executor_, got));
    executor_.run_all();
    return got ? std::move(*got)
               : Result<ProducerId>(fail(ErrorCode::kUnknownServerError, "still waiting"));
  }

  rt::TestClock clock_;
  rt::TestExecutor executor_{clock_};
  Blocks blocks_{executor_};
  ProducerIdAllocator ids_{blocks_, executor_};
};

TEST_F(ProducerIdAllocatorTest, AscendsThroughBlocksAndAsksAhead) {
  for (int64_t i = 0; i < 35; ++i) {
    const auto id = take();
    ASSERT_TRUE(id.has_value()) << id.error().context;
    EXPECT_EQ(id->value, 1000 + i);
  }
  EXPECT_EQ(blocks_.asked, 4);
}

TEST_F(ProducerIdAllocatorTest, WithoutAControllerTheAnswerIsRetriable) {
  blocks_.is_down = true;
  const auto id = take();
  ASSERT_FALSE(id.has_value());
  EXPECT_EQ(id.error().code, ErrorCode::kCoordinatorLoadInProgress);
  EXPECT_TRUE(error_is_retriable(id.error().code));
  blocks_.is_down = false;
  EXPECT_EQ(take()->value, 1000);
}

}  // namespace
}  // namespace semel::cluster
