// Node: a simulated machine. Its disks and its clock's errors outlive the processes that run on it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "rt/sim/file_system.h"
#include "rt/sim/process.h"

namespace semel::rt::sim {

enum class Death : uint8_t {
  kProcess,  // kill -9: the page cache stays
  kPower,    // the machine: unsynced bytes are lost, peers hear nothing
};

class Node {
 public:
  Node(World& world, std::string name, uint32_t index, DiskOptions disk);
  ~Node();

  World& world() { return world_; }
  const std::string& name() const { return name_; }
  uint32_t index() const { return index_; }

  /// Starts a process; none may run.
  Process& boot(uint32_t executors = 2);
  /// The process, or null if none runs.
  Process* process() { return process_.get(); }
  bool is_running() const { return process_ != nullptr; }
  /// False after a power cut, until the next boot: packets to it get no answer.
  bool is_powered() const { return is_powered_; }
  /// World time in ns; −1 if there was none.
  int64_t last_power_cut_ns() const { return last_power_cut_ns_; }

  /// Not to be called from work of the process itself (use Process::die_soon there).
  void kill(Death death);
  /// Stops the program in an orderly way; is_running() turns false when it is done.
  void shut_down();
  void pause();
  void resume();
  bool is_paused() const { return is_paused_; }
  /// Moves the wall clock; the monotonic clock does not notice.
  void jump_wall_clock(int64_t ms) { wall_offset_ms_ += ms; }
  int64_t wall_offset_ms() const { return wall_offset_ms_; }
  int64_t unix_ms() const;

  /// Another file system under `path`, with its own faults and space. Before the first boot.
  SimFileSystem& mount(const std::string& path, DiskOptions options);
  /// The file system of `path`.
  SimFileSystem& file_system(std::string_view path = "/");
  struct Location {
    SimFileSystem* file_system;
    Path path;  // below the mount
  };
  Location locate(std::string_view path);
  void for_each_file_system(const std::function<void(SimFileSystem&)>& visit);

 private:
  struct Mount {
    Path prefix;
    std::unique_ptr<SimFileSystem> file_system;
  };

  World& world_;
  std::string name_;
  uint32_t index_;
  bool is_powered_ = true;
  bool is_paused_ = false;
  int64_t wall_offset_ms_ = 0;
  int64_t last_power_cut_ns_ = -1;
  std::vector<Mount> mounts_;  // the root first
  std::unique_ptr<Process> process_;
};

}  // namespace semel::rt::sim
