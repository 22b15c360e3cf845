// What the tests of logs share: folders, a clock to turn, batches, a log over the system's disk.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <stdlib.h>

#include "log/checkpoint_file.h"
#include "log/log.h"
#include "record/batch_builder.h"
#include "record/batch_iterator.h"
#include "rt/linux/test_runtime.h"

namespace semel::log::testing {

namespace fs = std::filesystem;

class TempFolder {
 public:
  TempFolder() {
    std::string pattern = ::testing::TempDir() + "semel_log_XXXXXX";
    if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  ~TempFolder() { fs::remove_all(path_); }
  const fs::path& path() const { return path_; }
  std::string at(const std::string& name) const { return (path_ / name).string(); }

 private:
  fs::path path_;
};

class ManualClock final : public rt::Clock {
 public:
  rt::Instant now() const override { return {now_ns.load()}; }
  int64_t unix_ms() const override { return unix_now_ms.load(); }
  void advance_ms(int64_t ms) {
    now_ns += ms * 1'000'000;
    unix_now_ms += ms;
  }

  std::atomic<int64_t> now_ns{1'000'000'000};
  std::atomic<int64_t> unix_now_ms{1'700'000'000'000};
};

inline std::string text_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_text(const fs::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary)
      .write(text.data(), static_cast<std::streamsize>(text.size()));
}

/// Batches of `count` records with values of `value_size` bytes.
class BatchMaker {
 public:
  std::vector<std::byte> make(int32_t count, size_t value_size, int64_t timestamp,
                              record::BatchOptions options = {}) {
    builder_.start(options);
    const std::string value(value_size, 'v');
    for (int32_t i = 0; i < count; ++i)
      builder_.append({.timestamp = timestamp + i, .value = bytes::as_bytes(value)});
    const auto batch = *builder_.finish(compressor_);
    return {batch.begin(), batch.end()};
  }

 private:
  record::BatchBuilder builder_;
  bytes::Compressor compressor_;
};

/// Logs over a disk, with everything around them.
class LogBench {
 public:
  explicit LogBench(rt::Disk& disk, rt::Random& random)
      : health([this](const Error& error) { failure = error; }),
        context{.disk = disk,
                .clock = clock,
                .random = random,
                .health = health,
                .producers = {},
                .monotonic_to_unix_ms = clock.unix_ms() - clock.now().ns / 1'000'000} {}

  Result<std::unique_ptr<Log>> open(const std::string& folder, const LogConfig& config,
                                    const LoadHints& hints = {.was_clean = true}) {
    const size_t slash = folder.find_last_of('/');
    const size_t dash = folder.find_last_of('-');
    return Log::open(context,
                     {folder.substr(slash + 1, dash - slash - 1),
                      PartitionIndex{std::stoi(folder.substr(dash + 1))}},
                     folder, config, hints);
  }

  ManualClock clock;
  std::optional<Error> failure;
  DirectoryHealth health;
  LogContext context;
};

/// Appends as leader of epoch `epoch`; without a producer id.
inline Result<LeaderAppended> lead(Log& log, std::vector<std::byte> batch, int32_t epoch = 0) {
  LeaderAppend how;
  how.leader_epoch = LeaderEpoch{epoch};
  return log.append_as_leader(batch, how);
}

/// Base and last offset of every batch between log start and end.
inline std::vector<std::pair<int64_t, int64_t>> batches_of(Log& log) {
  std::vector<std::pair<int64_t, int64_t>> found;
  Offset at = log.log_start();
  while (at < log.log_end()) {
    auto bytes = log.read_bytes(at, 1 << 20, log.log_end(), true);
    EXPECT_TRUE(bytes) << bytes.error().context;
    if (!bytes || bytes->empty()) break;
    record::BatchIterator iterator(bytes->span());
    const Offset before = at;
    while (const auto batch = iterator.next()) {
      found.emplace_back(batch->base_offset().value, batch->last_offset().value);
      EXPECT_TRUE(batch->crc_is_right());
      at = batch->next_offset();
    }
    if (at <= before) break;
  }
  return found;
}

}  // namespace semel::log::testing
