#include "cluster/metadata_batch.h"

#include <fmt/format.h>

#include "base/assert.h"
#include "bytes/reader.h"
#include "gen/data/kraft_version_record.h"
#include "gen/data/leader_change_message.h"
#include "gen/data/snapshot_footer_record.h"
#include "gen/data/snapshot_header_record.h"
#include "gen/data/voters_record.h"
#include "record/batch_iterator.h"
#include "record/control_batch.h"
#include "record/record_iterator.h"

namespace semel::cluster {
namespace {

using record::ControlType;

template <class Message>
void put_message(const Message& message, bytes::Writer& writer) {
  const auto encoded = message.encode(writer, 0);
  SEMEL_ASSERT(encoded.has_value(), "a control record that does not fit its version");
}

struct ControlWriter {
  bytes::Writer& writer;

  ControlType operator()(const std::monostate&) const {
    assert_failed("a control record", __FILE__, __LINE__,
                  "an unknown control record is never written");
  }
  ControlType operator()(const LeaderChange& change) const {
    gen::LeaderChangeMessage message;
    message.leader_id = change.leader_id;
    for (const int32_t id : change.voters) message.voters.append().voter_id = id;
    for (const int32_t id : change.granting_voters) message.granting_voters.append().voter_id = id;
    put_message(message, writer);
    return ControlType::kLeaderChange;
  }
  ControlType operator()(const SnapshotHeader& header) const {
    gen::SnapshotHeaderRecord message;
    message.last_contained_log_timestamp = header.last_contained_log_timestamp;
    put_message(message, writer);
    return ControlType::kSnapshotHeader;
  }
  ControlType operator()(const SnapshotFooter&) const {
    put_message(gen::SnapshotFooterRecord{}, writer);
    return ControlType::kSnapshotFooter;
  }
  ControlType operator()(const KraftVersion& version) const {
    gen::KRaftVersionRecord message;
    message.kraft_version = version.version;
    put_message(message, writer);
    return ControlType::kKRaftVersion;
  }
  ControlType operator()(const KraftVoters& voters) const {
    gen::VotersRecord message;
    for (const quorum::Voter& voter : voters.voters) {
      auto& out = message.voters.append();
      out.voter_id = voter.id;
      out.voter_directory_id = voter.directory;
      for (const quorum::VoterEndpoint& endpoint : voter.endpoints) {
        auto& to = out.endpoints.append();
        to.name = endpoint.listener;
        to.host = endpoint.host;
        to.port = endpoint.port;
      }
      out.kraft_version_feature.min_supported_version = voter.kraft_version_min;
      out.kraft_version_feature.max_supported_version = voter.kraft_version_max;
    }
    put_message(message, writer);
    return ControlType::kKRaftVoters;
  }
};

/// The value's first field is the version; newer ones are read as the newest that is known.
template <class Message>
Result<Message> take_message(bytes::ByteSpan value) {
  bytes::Reader peek(value);
  const int16_t version = peek.read_i16();
  if (!peek.ok() || version < 0)
    return fail(ErrorCode::kCorruptMessage, "a control record has no version");
  bytes::Reader reader(value);
  Message message;
  SEMEL_CHECK(message.decode(reader, std::min(version, Message::kMaxVersion)));
  return message;
}

Result<ControlRecord> take_leader_change(bytes::ByteSpan value) {
  SEMEL_TRY(const auto message, take_message<gen::LeaderChangeMessage>(value));
  LeaderChange change;
  change.leader_id = message.leader_id;
  for (const auto& voter : message.voters) change.voters.push_back(voter.voter_id);
  for (const auto& voter : message.granting_voters)
    change.granting_voters.push_back(voter.voter_id);
  return change;
}

Result<ControlRecord> take_voters(bytes::ByteSpan value) {
  SEMEL_TRY(const auto message, take_message<gen::VotersRecord>(value));
  KraftVoters result;
  for (const auto& in : message.voters) {
    quorum::Voter voter{.id = in.voter_id,
                        .directory = in.voter_directory_id,
                        .endpoints = {},
                        .kraft_version_min = in.kraft_version_feature.min_supported_version,
                        .kraft_version_max = in.kraft_version_feature.max_supported_version};
    for (const auto& endpoint : in.endpoints)
      voter.endpoints.push_back({endpoint.name, endpoint.host, endpoint.port});
    result.voters.push_back(std::move(voter));
  }
  return result;
}

Result<ControlRecord> decode_control(const record::RecordView& record) {
  SEMEL_TRY(const ControlType type, record::read_control_key(record.key));
  if (!record.value) return fail(ErrorCode::kCorruptMessage, "a control record without a value");
  switch (type) {
    case ControlType::kLeaderChange:
      return take_leader_change(*record.value);
    case ControlType::kSnapshotHeader: {
      SEMEL_TRY(const auto message, take_message<gen::SnapshotHeaderRecord>(*record.value));
      return SnapshotHeader{message.last_contained_log_timestamp};
    }
    case ControlType::kSnapshotFooter:
      return SnapshotFooter{};
    case ControlType::kKRaftVersion: {
      SEMEL_TRY(const auto message, take_message<gen::KRaftVersionRecord>(*record.value));
      return KraftVersion{message.kraft_version};
    }
    case ControlType::kKRaftVoters:
      return take_voters(*record.value);
    default:
      return std::monostate{};
  }
}

std::unexpected<Error> corrupt_batch(Offset at, std::string_view why) {
  return fail(ErrorCode::kCorruptMessage,
              fmt::format("metadata batch at offset {}: {}", at.value, why));
}

Result<void> visit_record(const record::BatchView& batch, const record::RecordView& record,
                          BatchVisitor& visitor) {
  const RecordPlace place{record.offset, batch.leader_epoch(), record.timestamp};
  if (batch.is_control()) {
    SEMEL_TRY(const ControlRecord control, decode_control(record));
    return visitor.on_control(place, control);
  }
  if (!record.value) return corrupt_batch(record.offset, "a record without a value");
  SEMEL_TRY(const VersionedRecord decoded, decode_record(*record.value));
  auto visited = visitor.on_record(place, decoded);
  if (!visited)
    return fail(visited.error(), fmt::format("metadata offset {}", record.offset.value));
  return {};
}

}  // namespace

bytes::Buffer MetadataBatchBuilder::finish() {
  const auto batch = builder_.finish(compressor_);
  SEMEL_ASSERT(batch.has_value(), "a batch without compression cannot fail");
  return bytes::Buffer::copy_of(bytes::ByteSpan(*batch));
}

bytes::Buffer MetadataBatchBuilder::records(Offset base, LeaderEpoch epoch, int64_t now_ms,
                                            std::span<const VersionedRecord> records) {
  SEMEL_ASSERT(!records.empty(), "a metadata batch without records");
  builder_.start({.base_offset = base, .leader_epoch = epoch});
  bytes::Writer value;
  for (const VersionedRecord& record : records) {
    value.clear();
    encode_record(record, value);
    builder_.append({.timestamp = now_ms, .key = {}, .value = value.written(), .headers = {}});
  }
  return finish();
}

bytes::Buffer MetadataBatchBuilder::control(Offset base, LeaderEpoch epoch, int64_t now_ms,
                                            std::span<const ControlRecord> records) {
  SEMEL_ASSERT(!records.empty(), "a control batch without records");
  builder_.start({.base_offset = base, .leader_epoch = epoch, .is_control = true});
  bytes::Writer value;
  for (const ControlRecord& record : records) {
    value.clear();
    const ControlType type = std::visit(ControlWriter{value}, record);
    const auto key = record::control_key(type);
    builder_.append({.timestamp = now_ms,
                     .key = bytes::ByteSpan(key),
                     .value = value.written(),
                     .headers = {}});
  }
  return finish();
}

bytes::Buffer MetadataBatchBuilder::leader(Offset base, const quorum::LeaderBatch& batch,
                                           int64_t now_ms) {
  std::vector<ControlRecord> records;
  records.push_back(LeaderChange{batch.leader_id, batch.voters, batch.granting_voters});
  if (batch.kraft_version) records.push_back(KraftVersion{*batch.kraft_version});
  if (batch.voter_set) records.push_back(KraftVoters{*batch.voter_set});
  return control(base, batch.epoch, now_ms, records);
}

Result<Offset> read_batches(bytes::ByteSpan region, Offset from, BatchVisitor& visitor) {
  record::BatchIterator batches(region, kMetadataBatchMax + record::kBatchHeaderSize);
  record::RecordScratch scratch;
  Offset next = from;
  while (const auto batch = batches.next()) {
    if (batch->is_legacy()) return corrupt_batch(batch->base_offset(), "an old message format");
    if (batch->last_offset() < from) continue;
    if (!batch->crc_is_right()) return corrupt_batch(batch->base_offset(), "the checksum differs");
    if (batch->records_count() <= 0)
      return corrupt_batch(batch->base_offset(), "it has no records");
    record::RecordIterator records(*batch, scratch);
    for (record::RecordView record; records.next(record);) {
      if (record.offset < from) continue;
      if (record.offset < next) return corrupt_batch(record.offset, "offsets go backwards");
      SEMEL_CHECK(visit_record(*batch, record, visitor));
      next = record.offset + 1;
    }
    SEMEL_CHECK(records.status());
    next = std::max(next, batch->next_offset());
  }
  if (batches.stop() == record::BatchStop::kCorrupt) return corrupt_batch(next, batches.reason());
  return next;
}

}  // namespace semel::cluster
