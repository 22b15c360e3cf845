#include "rt/sim/node.h"

#include <algorithm>

#include "base/assert.h"
#include "rt/sim/disk.h"
#include "rt/sim/network.h"
#include "rt/sim/world.h"

namespace semel::rt::sim {

Node::Node(World& world, std::string name, uint32_t index, DiskOptions disk)
    : world_(world), name_(std::move(name)), index_(index) {
  mounts_.push_back({{},
                     std::make_unique<SimFileSystem>(uint64_t{index_} * 100, world_.random().next(),
                                                     world_.trace(), disk)});
}

Node::~Node() {
  if (process_ != nullptr) kill(Death::kProcess);
}

Process& Node::boot(uint32_t executors) {
  SEMEL_ASSERT(process_ == nullptr, "a process runs already");
  is_powered_ = true;
  is_paused_ = false;
  process_ = std::make_unique<Process>(world_, *this, world_.next_serial(), executors);
  return *process_;
}

void Node::kill(Death death) {
  const bool has_power_cut = death == Death::kPower;
  if (has_power_cut) {
    is_powered_ = false;
    last_power_cut_ns_ = world_.now().ns;
  }
  if (process_ != nullptr) {
    SEMEL_ASSERT(world_.is_outside(), "a process cannot kill itself: use die_soon");
    world_.trace().add(Trace::Kind::kKill, index_, static_cast<uint64_t>(death));
    process_->cut_off();
    if (has_power_cut) for_each_file_system([](SimFileSystem& fs) { fs.crash(); });
    process_->tear_down();
    process_.reset();
  } else if (has_power_cut) {
    for_each_file_system([](SimFileSystem& fs) { fs.crash(); });
  }
  is_paused_ = false;
}

void Node::shut_down() {
  SEMEL_ASSERT(process_ != nullptr, "no process runs");
  if (process_->is_stopping()) return;
  world_.trace().add(Trace::Kind::kKill, index_, 100);
  process_->begin_shutdown([this] {
    process_->tear_down();
    process_.reset();
  });
}

void Node::pause() {
  if (process_ == nullptr || is_paused_) return;
  is_paused_ = true;
  process_->set_paused(true);
}

void Node::resume() {
  if (process_ == nullptr || !is_paused_) return;
  is_paused_ = false;
  process_->set_paused(false);
}

int64_t Node::unix_ms() const {
  return world_.options().unix_start_ms + world_.now().ns / 1'000'000 + wall_offset_ms_;
}

SimFileSystem& Node::mount(const std::string& path, DiskOptions options) {
  const uint64_t id = uint64_t{index_} * 100 + mounts_.size();
  mounts_.push_back({parse_path(path), std::make_unique<SimFileSystem>(id, world_.random().next(),
                                                                       world_.trace(), options)});
  return *mounts_.back().file_system;
}

Node::Location Node::locate(std::string_view text) {
  const Path path = parse_path(text);
  const Mount* best = &mounts_.front();
  for (const Mount& mount : mounts_) {
    if (mount.prefix.size() <= path.size() && mount.prefix.size() >= best->prefix.size() &&
        std::equal(mount.prefix.begin(), mount.prefix.end(), path.begin()))
      best = &mount;
  }
  const auto below = path.begin() + static_cast<ptrdiff_t>(best->prefix.size());
  return {best->file_system.get(), Path(below, path.end())};
}

SimFileSystem& Node::file_system(std::string_view path) { return *locate(path).file_system; }

void Node::for_each_file_system(const std::function<void(SimFileSystem&)>& visit) {
  for (const Mount& mount : mounts_) visit(*mount.file_system);
}

}  // namespace semel::rt::sim
