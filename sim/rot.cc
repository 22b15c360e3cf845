#include "rot.h"

#include <charconv>
#include <sstream>

#include "record/batch_header.h"
#include "record/batch_iterator.h"
#include "record/record_iterator.h"
#include "records.h"

namespace semel::sim {

namespace {

using Contents = std::map<std::string, std::vector<std::byte>>;

constexpr std::string_view kCheckpoint = "recovery-point-offset-checkpoint";

struct ClosedSegment {
  std::string path;
  uint16_t partition = 0;
};

/// The recovery points of `topic`, by partition.
std::map<uint16_t, int64_t> recovery_points(const Contents& contents, std::string_view topic) {
  std::map<uint16_t, int64_t> points;
  for (const auto& [path, bytes] : contents) {
    if (!path.ends_with(kCheckpoint) || path.find("/controller/") != std::string::npos) continue;
    std::istringstream lines{std::string(bytes::as_text(bytes))};
    int64_t version = 0;
    int64_t count = 0;
    lines >> version >> count;
    std::string name;
    uint16_t partition = 0;
    int64_t offset = 0;
    while (lines >> name >> partition >> offset)
      if (name == topic) points[partition] = offset;
  }
  return points;
}

int64_t base_offset_of(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  int64_t offset = 0;
  std::from_chars(name.data(), name.data() + name.size(), offset);
  return offset;
}

std::vector<ClosedSegment> closed_segments(const Contents& contents, std::string_view topic) {
  std::vector<ClosedSegment> closed;
  for (const auto& [partition, point] : recovery_points(contents, topic)) {
    const std::string folder = "/" + std::string(topic) + "-" + std::to_string(partition) + "/";
    const std::string* before = nullptr;  // paths are in the order of base offsets
    for (const auto& [path, bytes] : contents) {
      if (!path.ends_with(".log") || path.find(folder) == std::string::npos) continue;
      // At the point itself the snapshot of the producers may be missing yet; without it the
      // segment is needed to open the partition.
      if (before != nullptr && base_offset_of(path) < point) closed.push_back({*before, partition});
      before = &path;
    }
  }
  return closed;
}

void tell(const record::BatchView& batch, uint16_t partition, History& history) {
  record::RecordScratch scratch;
  record::RecordIterator records(batch, scratch);
  for (record::RecordView record; records.next(record);) {
    const auto key = read_value(record.value);
    SEMEL_ASSERT(key && key->partition == partition, "a stored record is one of this run");
    history.rots(*key, record.offset);
  }
}

size_t draw_place(rt::sim::SimRandom& random, size_t batch_size) {
  if (random.below(3) != 0) return random.between(record::kBatchHeaderSize, batch_size - 1);
  if (random.below(2) == 0)
    return random.between(SEMEL_BATCH_FIELD(batch_length), SEMEL_BATCH_FIELD(leader_epoch) - 1);
  return random.between(SEMEL_BATCH_FIELD(magic), record::kBatchHeaderSize - 1);
}

}  // namespace

bool let_rot(rt::sim::Node& node, std::string_view topic, rt::sim::SimRandom& random,
             History& history) {
  rt::sim::SimFileSystem& disk = node.file_system();
  const Contents contents = disk.contents();
  const auto closed = closed_segments(contents, topic);
  if (closed.empty()) return false;
  const ClosedSegment& segment = closed[random.below(closed.size())];
  const auto& bytes = contents.at(segment.path);
  struct Place {
    size_t at;
    record::BatchView batch;
  };
  std::vector<Place> sound;
  record::BatchIterator batches{bytes::ByteSpan(bytes)};
  for (size_t at = 0; auto batch = batches.next(); at = batches.position())
    if (!history.is_rotten(segment.partition, batch->base_offset())) sound.push_back({at, *batch});
  if (sound.empty()) return false;
  const Place& hit = sound[random.below(sound.size())];
  const size_t place = draw_place(random, hit.batch.size());
  // Behind a batch whose length or last offset is wrong the way through the segment may be lost.
  const bool is_framing = place < SEMEL_BATCH_FIELD(base_timestamp);
  for (const Place& one : sound)
    if (is_framing ? one.at >= hit.at : one.at == hit.at)
      tell(one.batch, segment.partition, history);
  const auto inode = disk.find(rt::sim::parse_path(segment.path));
  inode->content.flip_bit(hit.at + place, static_cast<uint32_t>(random.below(8)));
  return true;
}

}  // namespace semel::sim
