#include "faults.h"

#include <chrono>

#include <fmt/format.h>

#include "rot.h"
#include "rt/sim/disk.h"

namespace semel::sim {

using rt::sim::Death;
using rt::sim::DiskOp;
using std::chrono::milliseconds;

Faults::Faults(rt::sim::World& world, Cluster& cluster, const Workload& workload, History& history)
    : world_(world),
      cluster_(cluster),
      workload_(workload),
      history_(history),
      random_(world.random().next()) {}

rt::Duration Faults::draw(int64_t mean_ms) {
  const auto mean = static_cast<uint64_t>(mean_ms) * 1'000'000;
  return rt::Duration{static_cast<int64_t>(random_.between(mean / 10, mean * 19 / 10))};
}

void Faults::note(const std::string& text) {
  world_.trace().note(fmt::format("{} ms: {}", world_.now().ns / 1'000'000, text));
}

void Faults::begin() {
  for (const FaultPlan& fault : workload_.faults)
    if (random_.below(4) != 0) plan(fault);
}

void Faults::plan(const FaultPlan& fault) {
  world_.schedule(draw(fault.every_ms), [this, &fault] {
    if (is_over_) return;
    strike(fault);
    plan(fault);
  });
}

void Faults::strike(const FaultPlan& fault) {
  const auto victim = static_cast<size_t>(random_.below(cluster_.size()));
  if (!strike_process(fault, victim) && !strike_disk(fault, victim)) strike_world(fault, victim);
}

void Faults::boot_later(size_t victim) {
  world_.schedule(milliseconds{static_cast<int64_t>(random_.between(1, 300))}, [this, victim] {
    if (!is_over_) cluster_.boot(victim);
  });
}

void Faults::kill(size_t victim, Death death) {
  rt::sim::Node& node = cluster_.node(victim);
  if (!node.is_running()) return;
  note(fmt::format("{} {}", node.name(), death == Death::kPower ? "loses power" : "is killed"));
  world_.trace().probe(death == Death::kPower ? "fault: power cut" : "fault: kill");
  node.kill(death);
  boot_later(victim);
}

bool Faults::strike_process(const FaultPlan& fault, size_t victim) {
  rt::sim::Node& node = cluster_.node(victim);
  if (fault.name == "kill") {
    kill(victim, Death::kProcess);
  } else if (fault.name == "power") {
    kill(victim, Death::kPower);
  } else if (fault.name == "stop") {
    if (!node.is_running()) return true;
    note(node.name() + " is stopped");
    world_.trace().probe("fault: clean stop");
    node.shut_down();
    boot_later(victim);
  } else if (fault.name == "pause") {
    note(node.name() + " pauses");
    node.pause();
    const auto most = static_cast<uint64_t>(fault.number("most_ms", 800));
    world_.schedule(milliseconds{static_cast<int64_t>(random_.between(1, most))},
                    [&node] { node.resume(); });
  } else {
    return false;
  }
  return true;
}

bool Faults::strike_disk(const FaultPlan& fault, size_t victim) {
  rt::sim::Node& node = cluster_.node(victim);
  if (fault.name == "die_in_disk") {
    if (!node.is_running()) return true;
    const bool with_power = fault.number("with_power", 0) != 0;
    note(fmt::format("{} dies in a disk call soon", node.name()));
    node.process()->disk().die_after_changes(random_.below(40), with_power);
  } else if (fault.name == "disk_error") {
    fail_a_call(fault, node);
  } else if (fault.name == "slow_disk") {
    slow_down(fault, node);
  } else if (fault.name == "rot") {
    if (let_rot(node, kTopic, random_, history_)) {
      note(node.name() + " loses a bit of a closed segment");
      world_.trace().probe("fault: bit rot");
    }
  } else {
    return strike_space(fault, node);
  }
  return true;
}

bool Faults::strike_space(const FaultPlan& fault, rt::sim::Node& node) {
  rt::sim::SimFileSystem& disk = node.file_system();
  if (fault.name == "full") {
    note(node.name() + " has a full disk");
    world_.trace().probe("fault: disk full");
    disk.options().capacity -= disk.free_bytes() - random_.below(2000);
    world_.schedule(milliseconds{static_cast<int64_t>(random_.between(1, 500))}, [this, &disk] {
      disk.options().capacity = static_cast<uint64_t>(workload_.disk_bytes);
      world_.trace().probe("fault: space is back");
    });
    return true;
  }
  if (fault.name != "no_space") return false;
  // One call finds no room, whatever it is: the next finds some again.
  note(node.name() + " has no space for one call");
  disk.fail_next(random_.below(3) == 0 ? DiskOp::kChange : DiskOp::kWrite, "", Cause::kNoSpace,
                 static_cast<uint32_t>(random_.below(40)));
  return true;
}

void Faults::fail_a_call(const FaultPlan& fault, rt::sim::Node& node) {
  constexpr std::array ops{DiskOp::kWrite, DiskOp::kSync, DiskOp::kRead, DiskOp::kChange,
                           DiskOp::kLook};
  const size_t kinds = fault.number("looks", 0) != 0 ? ops.size() : ops.size() - 1;
  note(node.name() + " gets a disk error");
  world_.trace().probe("fault: disk error");
  node.file_system().fail_next(ops[random_.below(kinds)], "", Cause::kIo,
                               static_cast<uint32_t>(random_.below(20)));
}

void Faults::slow_down(const FaultPlan& fault, rt::sim::Node& node) {
  rt::sim::SimFileSystem& disk = node.file_system();
  note(node.name() + " has a slow disk");
  disk.options().slow_ppm = 300'000;
  disk.options().slow_factor = static_cast<uint32_t>(fault.number("factor", 200));
  world_.schedule(milliseconds{static_cast<int64_t>(random_.between(1, 1000))},
                  [&disk] { disk.options().slow_ppm = 0; });
}

void Faults::jump_clock(const FaultPlan& fault, rt::sim::Node& node) {
  const int64_t most = fault.number("most_ms", 1'500'000);
  const auto jump = static_cast<int64_t>(random_.below(static_cast<uint64_t>(most) * 2)) - most;
  note(fmt::format("the clock of {} jumps by {} ms", node.name(), jump));
  const int64_t step = jump - node.wall_offset_ms();
  world_.trace().probe(step < 0 ? "fault: clock goes back" : "fault: clock goes forward");
  node.jump_wall_clock(step);
}

void Faults::strike_world(const FaultPlan& fault, size_t victim) {
  rt::sim::Node& node = cluster_.node(victim);
  if (fault.name == "cut") {
    world_.fabric().cut_any();
  } else if (fault.name == "clock") {
    jump_clock(fault, node);
  } else if (fault.name == "isolate") {
    note(node.name() + " is cut off");
    world_.trace().probe("fault: partition");
    const auto& nodes = world_.nodes();
    const auto& other = *nodes[random_.below(nodes.size())];
    if (random_.below(2) == 0)
      world_.fabric().isolate(node);
    else if (&other != &node)
      world_.fabric().block(random_.below(2) == 0 ? node : other, node);
    world_.schedule(milliseconds{static_cast<int64_t>(random_.between(1, 1500))},
                    [this] { world_.fabric().heal(); });
  }
}

void Faults::end() {
  is_over_ = true;
  note("faults end");
  world_.fabric().heal();
  auto& network = world_.fabric().options();
  network.reset_ppm = 0;
  network.connect_fail_ppm = 0;
  for (size_t i = 0; i < cluster_.size(); ++i) {
    rt::sim::Node& node = cluster_.node(i);
    node.resume();
    rt::sim::SimFileSystem& disk = node.file_system();
    disk.options().capacity = static_cast<uint64_t>(workload_.disk_bytes);
    disk.options().slow_ppm = 0;
    disk.clear_faults();
    if (node.is_running()) node.process()->disk().disarm();
  }
}

}  // namespace semel::sim
