// SystemFile: an open file. Every call goes to the system; short transfers and interrupted calls
// are continued.
#pragma once

#include <string>

#include "rt/disk.h"
#include "rt/linux/file_handle.h"

namespace semel::rt::linux_os {

class SystemFile final : public File {
 public:
  SystemFile(FileHandle handle, std::string path)
      : handle_(std::move(handle)), path_(std::move(path)) {}

  Result<size_t> pread(uint64_t at, bytes::MutableByteSpan into) override;
  Result<void> pwritev(uint64_t at, std::span<const bytes::ByteSpan> parts) override;
  Result<uint64_t> size() override;
  Result<void> truncate(uint64_t size) override;
  Result<void> sync() override;
  size_t read_cached(uint64_t at, bytes::MutableByteSpan into) override;
  bool is_cached(uint64_t at, size_t size) override;
  int descriptor() const override { return handle_.get(); }

 private:
  bool reads_without_waiting(uint64_t at);

  FileHandle handle_;
  std::string path_;  // as it was opened, for error texts
};

}  // namespace semel::rt::linux_os
