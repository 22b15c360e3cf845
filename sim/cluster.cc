#include "cluster.h"

#include <fmt/format.h>

namespace semel::sim {

Cluster::Cluster(rt::sim::World& world, const Workload& workload, BrokerFactory factory,
                 BeforeBoot before_boot)
    : world_(world),
      workload_(workload),
      factory_(std::move(factory)),
      before_boot_(std::move(before_boot)) {
  std::vector<rt::Address> all;
  for (int64_t i = 0; i < workload.brokers; ++i)
    all.push_back({fmt::format("broker{}", i + 1), 9092});
  for (int64_t i = 0; i < workload.brokers; ++i) {
    BrokerSpec spec;
    spec.node_id = static_cast<int32_t>(i) + 1;
    spec.listen = all[static_cast<size_t>(i)];
    spec.brokers = all;
    spec.settings = workload.broker_settings;
    spec.settings["semel.flush"] = workload.flush;
    specs_.push_back(std::move(spec));
    rt::sim::DiskOptions disk;
    disk.capacity = static_cast<uint64_t>(workload.disk_bytes);
    world.add_node(all[static_cast<size_t>(i)].host, disk);
  }
}

std::vector<rt::Address> Cluster::addresses() const {
  return specs_.empty() ? std::vector<rt::Address>{} : specs_.front().brokers;
}

rt::sim::Node& Cluster::node(size_t index) { return world_.node(specs_[index].listen.host); }

void Cluster::boot(size_t index) {
  rt::sim::Node& where = node(index);
  if (where.is_running()) return;
  if (before_boot_) before_boot_(where);
  world_.trace().note(fmt::format("{} ms: {} boots", world_.now().ns / 1'000'000, where.name()));
  rt::sim::Process& process = where.boot(static_cast<uint32_t>(workload_.reactors));
  process.run(factory_(process.runtime(), specs_[index]));
}

void Cluster::boot_all() {
  for (size_t i = 0; i < size(); ++i) boot(i);
}

int Cluster::sweep() {
  int count = 0;
  for (size_t i = 0; i < size(); ++i) {
    rt::sim::Node& where = node(i);
    if (!where.is_running()) continue;
    const auto* broker = dynamic_cast<BrokerProgram*>(where.process()->program());
    if (broker == nullptr || !broker->has_exited()) continue;
    world_.trace().note(fmt::format("{} ms: {} gave up: {}", world_.now().ns / 1'000'000,
                                    where.name(), broker->exit_reason()));
    world_.trace().probe("broker: gave up by itself");
    where.kill(rt::sim::Death::kProcess);
    ++count;
  }
  return count;
}

bool Cluster::is_all_running() {
  for (size_t i = 0; i < size(); ++i)
    if (!node(i).is_running()) return false;
  return true;
}

}  // namespace semel::sim
