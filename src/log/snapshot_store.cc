#include "log/snapshot_store.h"

#include <fmt/format.h>

#include "base/log.h"
#include "base/units.h"
#include "log/file_names.h"

namespace semel::log {
namespace {

constexpr uint64_t kSnapshotMax = 2_GiB;

}  // namespace

std::string SnapshotStore::path_of(Offset end) const {
  return fmt::format("{}/{}", folder_, file_name(end, kSnapshotSuffix));
}

Result<void> SnapshotStore::write(rt::Disk& disk, const std::string& folder,
                                  const SnapshotImage& image) {
  const bytes::Buffer content = encode_producer_snapshot(image.producers.snapshot());
  SEMEL_CHECK(rt::replace_file(
      disk, fmt::format("{}/{}", folder, file_name(image.end_offset, kSnapshotSuffix)),
      content.span()));
  if (image.producers.size() == 0) return {};
  SEMEL_TRY(const uint32_t checksum, producer_snapshot_checksum(content.span()));
  Sidecar sidecar;
  sidecar.tie = {checksum, image.end_offset, image.last_leader_epoch};
  sidecar.written_ms = image.written_ms;
  sidecar.producers = image.producers.views();
  return write_sidecar(disk, folder, sidecar);
}

bool SnapshotStore::load(ProducerState& producers, Offset end, int64_t now_ms,
                         LeaderEpoch last_epoch) {
  const std::string path = path_of(end);
  auto content = rt::read_file(disk_, path, kSnapshotMax);
  auto entries = content ? decode_producer_snapshot(content->span())
                         : Result<std::vector<ProducerSnapshotEntry>>(fail(content.error()));
  if (!entries) {
    log_warn("log", "{} is not usable and is removed: {}", path, entries.error().context);
    return false;
  }
  std::optional<Sidecar> sidecar;
  if (!entries->empty()) {
    if (auto checksum = producer_snapshot_checksum(content->span()))
      sidecar = read_sidecar(disk_, folder_, {*checksum, end, last_epoch});
  }
  producers.load(
      *entries,
      sidecar ? std::span<const ProducerView>(sidecar->producers) : std::span<const ProducerView>(),
      now_ms);
  return true;
}

std::optional<Offset> SnapshotStore::load_newest(
    ProducerState& producers, Offset limit, int64_t now_ms,
    const std::function<LeaderEpoch(Offset)>& epoch_of) {
  while (true) {
    const auto above = offsets_.upper_bound(limit);
    if (above == offsets_.begin()) return std::nullopt;
    const Offset end = *std::prev(above);
    if (load(producers, end, now_ms, epoch_of(end - 1))) return end;
    remove_if([end](Offset offset) { return offset == end; });
  }
}

void SnapshotStore::remove_if(const std::function<bool(Offset)>& is_old) {
  for (auto at = offsets_.begin(); at != offsets_.end();) {
    if (!is_old(*at)) {
      ++at;
      continue;
    }
    const std::string sidecar = fmt::format("{}/{}", folder_, sidecar_name(*at));
    for (const std::string& path : {path_of(*at), sidecar}) {
      auto removed = disk_.remove(path);
      if (!removed && removed.error().cause != Cause::kNotFound)
        log_warn("log", "{} could not be removed: {}", path, removed.error().context);
    }
    at = offsets_.erase(at);
  }
}

}  // namespace semel::log
