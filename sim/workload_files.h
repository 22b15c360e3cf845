// The workloads of sim/workloads.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "workload.h"

namespace semel::sim {

class WorkloadFiles {
 public:
  explicit WorkloadFiles(std::vector<Workload> workloads) : workloads_(std::move(workloads)) {}
  /// By name; null if there is none.
  const Workload* find(std::string_view name) const;
  /// Seeds take the workloads in turn.
  const Workload& of_turn(uint64_t seed) const { return workloads_[seed % turns_]; }
  const std::vector<Workload>& all() const { return workloads_; }

 private:
  friend Result<WorkloadFiles> load_workload_files(const std::string& folder,
                                                   const std::string& extra);
  std::vector<Workload> workloads_;  // by name, then the extra one
  size_t turns_ = 0;
};

/// All *.txt of `folder`, and `extra` if it is a path (has a '/' or ends in .txt).
Result<WorkloadFiles> load_workload_files(const std::string& folder, const std::string& extra);

}  // namespace semel::sim
