#include "workload_files.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace semel::sim {

namespace {

bool is_path(std::string_view name) {
  return name.find('/') != std::string_view::npos || name.ends_with(".txt");
}

Result<Workload> load(const std::filesystem::path& path, const std::string& name) {
  std::ifstream in(path);
  if (!in) return fail(ErrorCode::kInvalidConfig, path.string() + ": cannot be read");
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  return parse_workload(name, text);
}

}  // namespace

const Workload* WorkloadFiles::find(std::string_view name) const {
  const auto found = std::find_if(workloads_.begin(), workloads_.end(),
                                  [name](const Workload& w) { return w.name == name; });
  return found == workloads_.end() ? nullptr : &*found;
}

Result<WorkloadFiles> load_workload_files(const std::string& folder, const std::string& extra) {
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (entry.path().extension() == ".txt") paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<Workload> workloads;
  for (const auto& path : paths) {
    SEMEL_TRY(auto workload, load(path, path.stem().string()));
    workloads.push_back(std::move(workload));
  }
  if (workloads.empty()) return fail(ErrorCode::kInvalidConfig, folder + ": no workloads");
  WorkloadFiles files(std::move(workloads));
  files.turns_ = files.workloads_.size();
  if (is_path(extra)) {
    SEMEL_TRY(auto workload, load(extra, extra));
    files.workloads_.push_back(std::move(workload));
  }
  return files;
}

}  // namespace semel::sim
