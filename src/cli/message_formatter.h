// Kafka's DefaultMessageFormatter: how the console consumer prints a record.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/client_settings.h"
#include "client/fetched_batches.h"

namespace semel::cli {

class MessageFormatter {
 public:
  /// print.timestamp, print.key, print.offset, print.epoch, print.partition, print.headers,
  /// print.value, key.separator, line.separator, headers.separator, null.literal; other keys are
  /// ignored, as by Kafka.
  explicit MessageFormatter(const Settings& settings);
  /// Appends the record's text to `into`.
  void format(const client::ConsumedRecord& record, std::string& into) const;

 private:
  bool with_timestamp_ = false;
  bool with_key_ = false;
  bool with_offset_ = false;
  bool with_epoch_ = false;
  bool with_partition_ = false;
  bool with_headers_ = false;
  bool with_value_ = true;
  std::string key_separator_ = "\t";
  std::string line_separator_ = "\n";
  std::string headers_separator_ = ",";
  std::string null_literal_ = "null";
};

}  // namespace semel::cli
