// What the tests of this folder share: a simulated machine with a LogManager on it. Tests only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "log/log_manager.h"
#include "replica/partition.h"
#include "rt/sim/disk.h"
#include "rt/sim/world.h"

namespace semel::replica::testing {

inline constexpr BrokerId kSelf{1};
inline constexpr BrokerId kOther{2};

/// The derived class destroys what stands on the logs before this one goes.
class LogsInSimTest : public ::testing::Test, public log::LogManagerListener {
 protected:
  LogsInSimTest()
      : world_(7, {.combiner_taken_ppm = 0, .long_step_ppm = 0}),
        node_(world_.add_node("n")),
        runtime_(&node_.boot().runtime()) {}
  ~LogsInSimTest() override {
    if (logs_ != nullptr) on_home([this] { logs_.reset(); });
    world_.kill_all();
  }

  void start_logs(std::vector<std::string> directories = {"/d"}) {
    log::LogManagerConfig config;
    config.directories = std::move(directories);
    config.node_id = kSelf;
    config.cluster_id = "cluster";
    config.formats_new_directories = true;
    config.config_of = [](const std::string&) { return log::LogConfig{}; };
    logs_ = std::make_unique<log::LogManager>(*runtime_, config, *this);
    bool is_started = false;
    home().post(
        [&] { logs_->start([&](const auto& report) { is_started = report.has_value(); }); });
    ASSERT_TRUE(world_.run_until([&] { return is_started; }, std::chrono::seconds(5)));
  }

  rt::Executor& home() { return *runtime_->executors.front(); }
  void on_home(rt::UniqueFunction<void()> work) {
    bool is_done = false;
    home().post([&, work = std::move(work)]() mutable {
      work();
      is_done = true;
    });
    ASSERT_TRUE(world_.run_until([&] { return is_done; }, std::chrono::seconds(1)));
  }

  rt::sim::World world_;
  rt::sim::Node& node_;
  rt::Runtime* runtime_;
  std::unique_ptr<log::LogManager> logs_;
};

}  // namespace semel::replica::testing
