// Hostile sidecars: whatever is accepted comes back equal and can be loaded with a fitting
// snapshot.
#include <cstdlib>

#include "log/producer_sidecar.h"
#include "log/producer_state.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace semel;
  const bytes::ByteSpan file(reinterpret_cast<const std::byte*>(data), size);
  const auto sidecar = log::decode_sidecar(file);
  if (!sidecar) return 0;
  const auto again = log::decode_sidecar(log::encode_sidecar(*sidecar).span());
  if (!again || again->producers != sidecar->producers || again->tie != sidecar->tie) std::abort();
  std::vector<log::ProducerSnapshotEntry> entries;
  for (const log::ProducerView& producer : sidecar->producers) {
    log::ProducerSnapshotEntry& entry = entries.emplace_back();
    entry.producer_id = producer.producer_id;
    entry.epoch = producer.epoch;
    if (producer.batches.empty()) continue;
    entry.last_sequence = producer.batches.back().last_sequence;
    entry.last_offset = producer.batches.back().last_offset;
    entry.offset_delta = producer.batches.back().offset_delta;
  }
  log::ProducerState state({.window_batches = 7});
  state.load(entries, sidecar->producers, 0);
  log::BatchIdentity batch;
  for (const log::ProducerView& producer : sidecar->producers) {
    batch.producer_id = producer.producer_id;
    batch.epoch = producer.epoch;
    for (const int32_t sequence : {0, 5, 0x7fffffff}) {
      batch.base_sequence = Sequence{sequence};
      state.check(batch, {});
    }
  }
  return 0;
}
