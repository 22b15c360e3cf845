#include "client/producer_batch.h"

#include "record/record_iterator.h"

namespace semel::client {

Result<void> seal(ProducerBatch& batch, bytes::Compressor& compressor) {
  SEMEL_ASSERT(!batch.is_sealed && batch.count() > 0);
  batch.uncompressed_size = batch.builder.size();
  SEMEL_TRY(const bytes::MutableByteSpan bytes, batch.builder.finish(compressor));
  batch.bytes = bytes::Buffer::copy_of(bytes);
  batch.builder = record::BatchBuilder();
  batch.is_sealed = true;
  return {};
}

void stamp_identity(ProducerBatch& batch, Identity identity, Sequence first) {
  SEMEL_ASSERT(batch.is_sealed && !batch.is_maybe_stored,
               "a batch whose fate is unknown keeps its sequence");
  std::vector<std::byte> bytes(batch.bytes.span().begin(), batch.bytes.span().end());
  bytes::store_be<int64_t>(bytes.data() + SEMEL_BATCH_FIELD(producer_id), identity.id.value);
  bytes::store_be<int16_t>(bytes.data() + SEMEL_BATCH_FIELD(producer_epoch), identity.epoch.value);
  bytes::store_be<int32_t>(bytes.data() + SEMEL_BATCH_FIELD(base_sequence), first.value);
  record::stamp_crc(bytes);
  batch.bytes = bytes::Buffer::take(std::move(bytes));
  batch.identity = identity;
  batch.base_sequence = first;
  batch.is_sequenced = true;
}

Result<std::pair<std::unique_ptr<ProducerBatch>, std::unique_ptr<ProducerBatch>>> split(
    const ProducerBatch& batch, const SplitOptions& options) {
  SEMEL_ASSERT(batch.is_sealed && batch.count() > 1);
  auto first = std::make_unique<ProducerBatch>();
  auto second = std::make_unique<ProducerBatch>();
  for (ProducerBatch* part : {first.get(), second.get()}) {
    part->number = batch.number;
    part->created = batch.created;
    part->attempts = batch.attempts;
    part->builder.start(options.batch);
  }
  const record::BatchView view(batch.bytes.span());
  record::RecordIterator records(view, options.scratch);
  size_t index = 0;
  size_t size = 0;
  for (record::RecordView record; records.next(record); ++index) {
    size += static_cast<size_t>(record.size);
    const bool is_last = index + 1 == batch.records.size();
    const bool fits_first =
        index == 0 || (second->records.empty() &&
                       size * 2 <= batch.uncompressed_size - record::kBatchHeaderSize && !is_last);
    ProducerBatch& part = fits_first ? *first : *second;
    part.builder.append_copy(part.count(), record);
    part.records.push_back(batch.records[index]);
  }
  SEMEL_CHECK(records.status());
  for (ProducerBatch* part : {first.get(), second.get()}) {
    part->memory = part->builder.size();
    SEMEL_CHECK(seal(*part, options.compressor));
  }
  if (batch.is_sequenced) {
    stamp_identity(*first, batch.identity, batch.base_sequence);
    stamp_identity(*second, batch.identity, first->next_sequence());
  }
  for (ProducerBatch* part : {first.get(), second.get()})
    part->is_maybe_stored = batch.is_maybe_stored;
  return std::pair(std::move(first), std::move(second));
}

}  // namespace semel::client
