#include "log/lazy_file.h"

namespace semel::log {

Result<void> remove_if_there(rt::Disk& disk, const std::string& path) {
  auto removed = disk.remove(path);
  if (!removed && removed.error().cause != Cause::kNotFound) return removed;
  return {};
}

Result<std::shared_ptr<rt::File>> LazyFile::open(rt::OpenMode mode) {
  auto state = state_.lock();
  if (state->file == nullptr) {
    SEMEL_TRY(state->file, disk_.open(state->path, mode));
  }
  return state->file;
}

Result<std::shared_ptr<rt::File>> LazyFile::create() {
  auto state = state_.lock();
  auto file = disk_.open(state->path, rt::OpenMode::kCreateNew);
  if (!file && file.error().cause == Cause::kExists) {
    file = disk_.open(state->path, rt::OpenMode::kReadWrite);
    if (file) SEMEL_CHECK((*file)->truncate(0));
  }
  if (file) state->file = *file;
  return file;
}

Result<void> LazyFile::rename_to(const std::string& path) {
  auto state = state_.lock();
  auto renamed = disk_.rename(state->path, path);
  if (!renamed && renamed.error().cause != Cause::kNotFound) return renamed;
  state->path = path;
  return {};
}

}  // namespace semel::log
