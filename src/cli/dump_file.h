// Files as the dump commands read them: random access with a buffer, and the batches of a segment.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/dump_java.h"
#include "record/batch_view.h"
#include "rt/disk.h"

namespace semel::cli {

/// Where a dump command finds files and shows their names.
struct DumpPaths {
  rt::Disk& disk;
  std::string working_directory;  // absolute, without a slash at its end

  std::string absolute(const std::string& path) const {
    return path.starts_with('/') ? path : working_directory + "/" + path;
  }
};

class DumpFile {
 public:
  /// NoSuchFileException if it is not there; `shown` is the name in texts.
  static Thrown<DumpFile> open(const DumpPaths& paths, const std::string& path, std::string shown);

  uint64_t size() const { return size_; }
  const std::string& shown() const { return shown_; }
  /// Exactly `count` bytes at `at`, which must lie inside the file. The span is valid until the
  /// next call.
  Thrown<bytes::ByteSpan> read(uint64_t at, uint64_t count);
  /// The whole file.
  Thrown<bytes::ByteSpan> read_all() { return read(0, size_); }

 private:
  DumpFile(std::shared_ptr<rt::File> file, uint64_t size, std::string shown)
      : file_(std::move(file)), size_(size), shown_(std::move(shown)) {}

  std::shared_ptr<rt::File> file_;
  uint64_t size_;
  std::string shown_;
  std::vector<std::byte> window_;
  uint64_t window_at_ = 0;
};

/// The batches in [begin, end) of a file, as Kafka's FileLogInputStream finds them: an incomplete
/// batch at the end is silently left out, a size below 14 is an exception.
class DumpBatches {
 public:
  DumpBatches(DumpFile& file, uint64_t begin, uint64_t end)
      : file_(file), at_(begin), end_(std::min(end, file.size())) {}

  /// The next batch, valid until the next call; nothing at the end.
  Thrown<std::optional<record::BatchView>> next();
  /// Where the batch that next() returned last begins.
  uint64_t position() const { return position_; }

 private:
  DumpFile& file_;
  uint64_t at_;
  uint64_t end_;
  uint64_t position_ = 0;
};

}  // namespace semel::cli
