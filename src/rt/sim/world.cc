#include "rt/sim/world.h"

#include <algorithm>

#include "base/assert.h"

namespace semel::rt::sim {

World::World(uint64_t seed, WorldOptions options)
    : seed_(seed), options_(options), random_(seed), fabric_(*this, options.network) {}

World::~World() { kill_all(); }

void World::kill_all() {
  for (const auto& node : nodes_)
    if (node->is_running()) node->kill(Death::kProcess);
}

Node& World::add_node(const std::string& name, DiskOptions disk) {
  SEMEL_ASSERT(find_node(name) == nullptr, "two nodes of one name");
  const auto index = static_cast<uint32_t>(nodes_.size());
  nodes_.push_back(std::make_unique<Node>(*this, name, index, disk));
  return *nodes_.back();
}

Node* World::find_node(std::string_view host) {
  for (const auto& node : nodes_)
    if (node->name() == host) return node.get();
  return nullptr;
}

Node& World::node(std::string_view name) {
  Node* found = find_node(name);
  SEMEL_ASSERT(found != nullptr, "no node of this name");
  return *found;
}

void World::push(Event event) {
  event.tie = random_.next();
  event.number = ++last_event_;
  events_.push_back(std::move(event));
  std::push_heap(events_.begin(), events_.end());
}

void World::schedule(Duration after, UniqueFunction<void()> work) {
  Event event{};
  event.at = now_ns_ + after.count();
  event.kind = EventKind::kCall;
  event.work = std::move(work);
  push(std::move(event));
}

void World::schedule_event(EventKind kind, Process& process, uint32_t executor, uint64_t id,
                           int64_t at) {
  Event event{};
  event.at = std::max(at, now_ns_);
  event.kind = kind;
  event.executor = executor;
  event.process = process.serial();
  event.id = id;
  push(std::move(event));
}

void World::run(Event& event) {
  trace_.add(static_cast<Trace::Kind>(event.kind), static_cast<uint64_t>(event.at),
             event.process * 256 + event.executor);
  if (event.kind == EventKind::kCall) return event.work();
  Process* process = find_process(event.process);
  if (process == nullptr || process->is_dead()) return;
  switch (event.kind) {
    case EventKind::kStep:
      return process->run_step(event.executor);
    case EventKind::kTimer:
      return process->run_timer(event.executor, event.id);
    case EventKind::kPool:
      return process->run_pool_job();
    case EventKind::kCall:
      return;
  }
}

bool World::step() {
  if (events_.empty()) return false;
  std::pop_heap(events_.begin(), events_.end());
  Event event = std::move(events_.back());
  events_.pop_back();
  now_ns_ = std::max(now_ns_, event.at);
  run(event);
  return true;
}

void World::run_for(Duration duration) {
  const int64_t end = now_ns_ + duration.count();
  while (!events_.empty() && events_.front().at <= end) step();
  now_ns_ = std::max(now_ns_, end);
}

bool World::run_until(const std::function<bool()>& is_done, Duration limit) {
  const int64_t end = now_ns_ + limit.count();
  while (!is_done()) {
    if (events_.empty() || events_.front().at > end) return false;
    step();
  }
  return true;
}

}  // namespace semel::rt::sim
