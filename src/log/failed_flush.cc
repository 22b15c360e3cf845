#include "log/failed_flush.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "base/units.h"
#include "log/file_names.h"

namespace semel::log {
namespace {

constexpr uint64_t kPiece = 1_MiB;

std::string note_path(const std::string& folder) {
  return fmt::format("{}/{}", folder, kFailedFlushName);
}

Result<void> write_again(rt::File& file, uint64_t from, uint64_t to) {
  std::vector<std::byte> piece(std::min(kPiece, to - from));
  for (uint64_t at = from; at < to; at += piece.size()) {
    piece.resize(std::min<uint64_t>(kPiece, to - at));
    SEMEL_TRY(const size_t count, file.pread(at, piece));
    if (count != piece.size())
      return fail(ErrorCode::kKafkaStorageError, "a segment became shorter while it was read",
                  Cause::kIo);
    const bytes::ByteSpan part(piece);
    SEMEL_CHECK(file.pwritev(at, std::span(&part, 1)));
  }
  return file.sync();
}

}  // namespace

void note_failed_flush(rt::Disk& disk, const std::string& folder) {
  const auto note = disk.open(note_path(folder), rt::OpenMode::kCreate);
  if (note) return;
  log_error("log",
            "{}: a sync failed, and no note of it can be left ({}); before the broker is started "
            "again, copy "
            "the folder away and back, or restart the machine",
            folder, note.error().context);
}

Result<void> mend_failed_flush(rt::Disk& disk, const std::string& folder,
                               const std::vector<std::shared_ptr<Segment>>& segments,
                               Offset recovery_point) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < segments.size(); ++i) {
    Segment& segment = *segments[i];
    const bool is_below = i + 1 < segments.size() && segments[i + 1]->base() <= recovery_point;
    if (is_below || segment.size() == 0) continue;
    uint64_t from = 0;
    if (recovery_point > segment.base()) {
      SEMEL_TRY(const auto place, segment.find(recovery_point));
      from = place ? place->position : segment.size();
    }
    SEMEL_TRY(const auto file, segment.file());
    SEMEL_CHECK(write_again(*file, from, segment.size()));
    bytes += segment.size() - from;
  }
  SEMEL_CHECK(disk.remove(note_path(folder)));
  SEMEL_CHECK(disk.sync_directory(folder));
  log_warn("log",
           "{}: an earlier sync had failed; {} bytes above the recovery point were written again",
           folder, bytes);
  return {};
}

}  // namespace semel::log
