#include "replica/batch_source.h"

#include <algorithm>
#include <array>

#include "bytes/endian.h"

namespace semel::replica {

Result<bytes::Buffer> LogBatchSource::read(Offset from, uint64_t bytes_max) {
  return log_.read_bytes(std::max(from, log_.log_start()), bytes_max, log_.log_end(), true);
}

Result<Offset> LogBatchSource::base_offset_at(const rt::FileRange& range) {
  std::array<std::byte, sizeof(int64_t)> raw;
  SEMEL_TRY(const size_t count, range.file->pread(range.at, raw));
  if (count < raw.size()) return fail(ErrorCode::kKafkaStorageError, "a batch ends early");
  return Offset{bytes::load_be<int64_t>(raw.data())};
}

Result<Offset> LogBatchSource::offset_before(Offset to, uint64_t bytes) {
  constexpr int64_t kFirstStep = 256;
  const Offset log_start = log_.log_start();
  const Offset log_end = log_.log_end();
  if (to <= log_start) return log_start;
  SEMEL_TRY(const log::ReadSlice here, log_.read(to - 1, 1, log_end, true));
  if (here.range.size == 0) return log_start;
  for (int64_t step = kFirstStep;; step *= 2) {
    const Offset candidate = to - log_start > step ? to - step : log_start;
    SEMEL_TRY(const log::ReadSlice there, log_.read(candidate, 1, log_end, true));
    if (there.range.size == 0) return log_start;
    const bool same_segment = there.range.file == here.range.file;
    uint64_t distance = here.range.at;
    if (same_segment) {
      distance -= there.range.at;
    } else {
      SEMEL_TRY(const uint64_t segment_size, there.range.file->size());
      distance += segment_size - std::min(segment_size, there.range.at);
    }
    if (candidate != log_start && distance < bytes) continue;
    SEMEL_TRY(const Offset base, base_offset_at(there.range));
    return std::max(base, log_start);
  }
}

}  // namespace semel::replica
