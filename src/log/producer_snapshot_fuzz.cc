// Hostile `.snapshot` files: whatever is accepted is written back bit for bit and can be loaded.
#include <cstdlib>

#include "log/producer_snapshot.h"
#include "log/producer_state.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace semel;
  const bytes::ByteSpan file(reinterpret_cast<const std::byte*>(data), size);
  const auto entries = log::decode_producer_snapshot(file);
  if (!entries) return 0;
  if (log::encode_producer_snapshot(*entries).text() != bytes::as_text(file)) std::abort();
  log::ProducerState state({});
  state.load(*entries, {}, 1'700'000'000'000);
  log::BatchIdentity batch;
  for (const log::ProducerSnapshotEntry& entry : *entries) {
    batch.producer_id = entry.producer_id;
    batch.epoch = entry.epoch;
    for (const int32_t sequence : {0, 1, 0x7fffffff, entry.last_sequence.value}) {
      batch.base_sequence = Sequence{sequence < 0 ? 0 : sequence};
      batch.last_offset_delta = sequence & 0xff;
      state.check(batch, {});
    }
  }
  return 0;
}
