#include "cli/message_formatter.h"

#include <fmt/format.h>

namespace semel::cli {
namespace {

bool is_true(std::string_view text) {
  constexpr std::string_view kTrue = "true";
  if (text.size() != kTrue.size()) return false;
  for (size_t i = 0; i < text.size(); ++i)
    if ((text[i] | 0x20) != kTrue[i]) return false;
  return true;
}

}  // namespace

MessageFormatter::MessageFormatter(const Settings& settings) {
  for (const auto& [key, value] : settings) {
    if (key == "print.timestamp") with_timestamp_ = is_true(value);
    if (key == "print.key") with_key_ = is_true(value);
    if (key == "print.offset") with_offset_ = is_true(value);
    if (key == "print.epoch") with_epoch_ = is_true(value);
    if (key == "print.partition") with_partition_ = is_true(value);
    if (key == "print.headers") with_headers_ = is_true(value);
    if (key == "print.value") with_value_ = is_true(value);
    if (key == "key.separator") key_separator_ = value;
    if (key == "line.separator") line_separator_ = value;
    if (key == "headers.separator") headers_separator_ = value;
    if (key == "null.literal") null_literal_ = value;
  }
}

void MessageFormatter::format(const client::ConsumedRecord& consumed, std::string& into) const {
  const record::RecordView& record = consumed.record;
  bool has_text = false;
  const auto field = [&] {
    if (has_text) into += key_separator_;
    has_text = true;
  };
  const auto bytes_or_null = [&](const std::optional<bytes::ByteSpan>& bytes) {
    into += bytes ? std::string(bytes::as_text(*bytes)) : null_literal_;
  };
  if (with_timestamp_) {
    field();
    const bool is_append_time = consumed.timestamp_type == record::TimestampType::kLogAppendTime;
    into += record.timestamp < 0
                ? std::string("NO_TIMESTAMP")
                : fmt::format("{}:{}", is_append_time ? "LogAppendTime" : "CreateTime",
                              record.timestamp);
  }
  if (with_partition_) {
    field();
    into += fmt::format("Partition:{}", consumed.partition);
  }
  if (with_offset_) {
    field();
    into += fmt::format("Offset:{}", record.offset.value);
  }
  if (with_epoch_) {
    field();
    // Kafka's console consumer copies each record without its epoch, so this is all it ever prints.
    into += "Epoch:NOT_PRESENT";
  }
  if (with_headers_) {
    field();
    if (record.header_count == 0) into += "NO_HEADERS";
    auto headers = record.headers();
    bool is_first = true;
    for (auto header = headers.next(); header; header = headers.next()) {
      if (!is_first) into += headers_separator_;
      is_first = false;
      into += std::string(header->key) + ":";
      bytes_or_null(header->value);
    }
  }
  if (with_key_) {
    field();
    bytes_or_null(record.key);
  }
  if (with_value_) {
    field();
    bytes_or_null(record.value);
  }
  if (has_text) into += line_separator_;
}

}  // namespace semel::cli
