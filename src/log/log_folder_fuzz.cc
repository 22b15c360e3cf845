// A partition's folder with hostile contents is opened, read and written to; nothing may crash, and
// what is read stands in order.
//
// Input: flags, 4 bytes recovery point, then .log, .index, .timeindex, .txnindex and .snapshot,
// each behind its length in 2 bytes.
#include <cstdlib>

#include "bytes/endian.h"
#include "bytes/reader.h"
#include "log/log.h"
#include "record/batch_iterator.h"
#include "rt/sim/node.h"
#include "rt/sim/world.h"

namespace {

using namespace semel;

constexpr std::string_view kFiles[] = {
    "00000000000000000000.log", "00000000000000000000.index", "00000000000000000000.timeindex",
    "00000000000000000000.txnindex", "00000000000000000003.snapshot"};

void read_everything(log::Log& log) {
  Offset at = log.log_start();
  while (at < log.log_end()) {
    const auto bytes = log.read_bytes(at, 4096, log.log_end(), true);
    if (!bytes || bytes->empty()) break;
    record::BatchIterator iterator(bytes->span());
    const auto batch = iterator.next();
    if (!batch || batch->last_offset() < at) break;
    at = batch->next_offset();
  }
  for (const int64_t timestamp :
       {int64_t{INT64_MIN}, int64_t{0}, int64_t{1'795'385'811'860}, int64_t{INT64_MAX}})
    (void)log.offset_for_timestamp(timestamp, log.log_end());
  (void)log.max_timestamp();
  (void)log.aborted_transactions(log.log_start(), log.log_end());
}

void run(std::span<const bytes::ByteSpan> contents, uint8_t flags, Offset recovery_point) {
  rt::sim::World world(1);
  rt::Runtime& runtime = world.add_node("n").boot().runtime();
  rt::Disk& disk = *runtime.disk;
  (void)disk.make_directories("/d/t-0");
  for (size_t i = 0; i < contents.size(); ++i) {
    if (contents[i].empty() && i > 0) continue;
    auto file = disk.open("/d/t-0/" + std::string(kFiles[i]), rt::OpenMode::kCreate);
    (void)(*file)->pwritev(0, contents.subspan(i, 1));
  }
  log::DirectoryHealth health([](const Error&) {});
  log::LogContext context{.disk = disk,
                          .clock = *runtime.clock,
                          .random = *runtime.random,
                          .health = health,
                          .producers = {}};
  const log::LogConfig config{
      .segment_bytes = 4000, .segment_index_bytes = 1200, .compacts = (flags & 2) != 0};
  const log::LoadHints hints{.was_clean = (flags & 1) != 0,
                             .recovery_point = recovery_point,
                             .log_start = Offset{(flags & 4) != 0 ? 2 : 0}};
  auto log = log::Log::open(context, {"t", PartitionIndex{0}}, "/d/t-0", config, hints);
  if (!log) return;
  read_everything(**log);
  (void)(*log)->truncate_to((*log)->log_end() - 1);
  read_everything(**log);
  (void)(*log)->retention_pass(INT64_MAX / 2);
  (void)(*log)->close_clean();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  bytes::Reader reader({reinterpret_cast<const std::byte*>(data), size});
  const auto flags = reader.read_be<uint8_t>();
  const Offset recovery_point{reader.read_be<uint32_t>()};
  std::array<bytes::ByteSpan, std::size(kFiles)> contents;
  for (bytes::ByteSpan& content : contents)
    content = reader.read_span(std::min<size_t>(reader.read_u16(), reader.remaining()));
  run(contents, flags, recovery_point);
  return 0;
}
