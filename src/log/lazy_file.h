// LazyFile: a file that is opened when it is first needed. Thousands of partitions are loaded
// without opening theirs.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "rt/disk.h"
#include "rt/guarded.h"

namespace semel::log {

/// A missing file is no error.
Result<void> remove_if_there(rt::Disk& disk, const std::string& path);

/// Any thread.
class LazyFile {
 public:
  LazyFile(rt::Disk& disk, std::string path)
      : disk_(disk), state_(State{std::move(path), nullptr}) {}

  /// Opens for reading and writing; kNotFound if the file is gone.
  Result<std::shared_ptr<rt::File>> get() { return open(rt::OpenMode::kReadWrite); }
  /// Makes an empty file, dropping what was there, and opens it.
  Result<std::shared_ptr<rt::File>> create();
  /// Opens it, making it if it is missing.
  Result<std::shared_ptr<rt::File>> get_or_create() { return open(rt::OpenMode::kCreate); }
  /// Null if it is not open.
  std::shared_ptr<rt::File> if_open() {
    return state_.with([](State& state) { return state.file; });
  }
  std::string path() {
    return state_.with([](State& state) { return state.path; });
  }
  void close() {
    state_.with([](State& state) { state.file.reset(); });
  }
  /// Renames the file on disk; a missing one is no error.
  Result<void> rename_to(const std::string& path);

 private:
  struct State {
    std::string path;
    std::shared_ptr<rt::File> file;
  };
  Result<std::shared_ptr<rt::File>> open(rt::OpenMode mode);

  rt::Disk& disk_;
  rt::Guarded<State> state_;
};

}  // namespace semel::log
