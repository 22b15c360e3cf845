// Keys and payloads of records as kafka-dump-log prints them.
#pragma once

#include <optional>
#include <string>

#include "cli/dump_java.h"
#include "record/control_batch.h"
#include "record/record_view.h"

namespace semel::cli {

enum class DumpDecoder : uint8_t {
  kText,             // --key-decoder-class, --value-decoder-class: text, int or long
  kOffsets,          // --offsets-decoder
  kTransactions,     // --transaction-log-decoder
  kClusterMetadata,  // --cluster-metadata-decoder
  kRemoteMetadata,   // --remote-log-metadata-decoder
  kShareState,       // --share-group-state-decoder
};

/// Kafka's own decoder classes.
enum class TextDecoder : uint8_t { kString, kInteger, kLong };

struct DumpDecoding {
  DumpDecoder decoder = DumpDecoder::kText;
  TextDecoder key = TextDecoder::kString;
  TextDecoder value = TextDecoder::kString;
  DumpStyle style = DumpStyle::kKafka43;
};

struct DumpedRecord {
  std::optional<std::string> key;
  std::optional<std::string> payload;
};

Thrown<DumpedRecord> decode_record(const DumpDecoding& decoding, const record::RecordView& record);

/// What follows "headerKeys: […]" for a control record, with the blank before it.
Thrown<std::string> describe_control_record(DumpStyle style, const record::RecordView& record);

/// {"type":"TOPIC_RECORD","version":0,"data":{…}}, or why it cannot be read.
std::expected<std::string, std::string> metadata_record_json(bytes::ByteSpan value);

// The text of Kafka 2.6 (dump_decoders_26.cc).
Thrown<DumpedRecord> decode_offsets_26(const record::RecordView& record);
Thrown<DumpedRecord> decode_transaction_26(const record::RecordView& record);

}  // namespace semel::cli
