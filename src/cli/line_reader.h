// Lines from standard input, and records made of them as Kafka's LineMessageReader does.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cli/client_settings.h"

namespace semel::cli {

/// Where a command's lines come from.
class LineSource {
 public:
  virtual ~LineSource() = default;
  /// Appends what is there, at least one line unless the input has ended (false). Ends of lines
  /// (LF, CR LF) are taken off.
  virtual bool read(std::vector<std::string>& lines) = 0;
};

/// The process's standard input.
class StandardInput final : public LineSource {
 public:
  bool read(std::vector<std::string>& lines) override;
  static bool is_terminal();

 private:
  std::string rest_;
  bool is_at_end_ = false;
};

/// One record as read.
struct LineRecord {
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
};

/// Kafka's reader: parse.key, key.separator, parse.headers, headers.delimiter, headers.separator,
/// headers.key.separator, null.marker, ignore.error. 2.6.0 knows the first two and ignore.error.
class LineParser {
 public:
  /// Error: kInvalidConfig with Kafka's text (separators that are equal).
  static Result<LineParser> make(const Settings& settings, bool is_26);
  /// Error: kInvalidRequest with Kafka's text ("No key separator found on line number 1: 'x'").
  Result<LineRecord> parse(std::string_view line);

 private:
  Result<std::optional<std::string_view>> cut(std::string_view& rest, const std::string& separator,
                                              std::string_view what, std::string_view line);
  Result<void> parse_headers(std::string_view text, std::string_view line, LineRecord& record);
  std::optional<std::string> value_or_null(std::string_view text) const;

  bool has_key_ = false;
  bool has_headers_ = false;
  bool ignores_errors_ = false;
  std::string key_separator_ = "\t";
  std::string headers_delimiter_ = "\t";
  std::string headers_separator_ = ",";
  std::string headers_key_separator_ = ":";
  std::optional<std::string> null_marker_;
  int64_t line_number_ = 0;
};

}  // namespace semel::cli
