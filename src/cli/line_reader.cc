#include "cli/line_reader.h"

#include <cerrno>

#include <fmt/format.h>
#include <unistd.h>

namespace semel::cli {

bool StandardInput::read(std::vector<std::string>& lines) {
  const size_t before = lines.size();
  while (lines.size() == before && !is_at_end_) {
    char chunk[64 * 1024];
    const ssize_t count = ::read(STDIN_FILENO, chunk, sizeof chunk);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      is_at_end_ = true;
      if (!rest_.empty()) lines.push_back(std::exchange(rest_, {}));
      break;
    }
    const size_t seen = rest_.size();
    rest_.append(chunk, static_cast<size_t>(count));
    size_t start = 0;
    for (size_t end = rest_.find('\n', seen); end != std::string::npos;
         end = rest_.find('\n', start)) {
      const bool has_return = end > start && rest_[end - 1] == '\r';
      lines.push_back(rest_.substr(start, end - start - (has_return ? 1 : 0)));
      start = end + 1;
    }
    rest_.erase(0, start);
  }
  return lines.size() > before;
}

bool StandardInput::is_terminal() { return ::isatty(STDIN_FILENO) == 1; }

Result<LineParser> LineParser::make(const Settings& settings, bool is_26) {
  LineParser parser;
  const auto is_true = [](const std::string& text) {
    return text == "true" || text == "True" || text == "TRUE";
  };
  for (const auto& [key, value] : settings) {
    if (key == "parse.key") parser.has_key_ = is_true(value);
    if (key == "key.separator") parser.key_separator_ = value;
    if (key == "ignore.error") parser.ignores_errors_ = is_true(value);
    if (is_26) continue;
    if (key == "parse.headers") parser.has_headers_ = is_true(value);
    if (key == "headers.delimiter") parser.headers_delimiter_ = value;
    if (key == "headers.separator") parser.headers_separator_ = value;
    if (key == "headers.key.separator") parser.headers_key_separator_ = value;
    if (key == "null.marker") parser.null_marker_ = value;
  }
  const auto refuse_equal = [](bool is_equal, std::string_view a,
                               std::string_view b) -> Result<void> {
    if (!is_equal) return {};
    return fail(ErrorCode::kInvalidConfig, fmt::format("{} and {} may not be equal", a, b));
  };
  const LineParser& p = parser;
  SEMEL_CHECK(refuse_equal(p.headers_delimiter_ == p.headers_separator_, "headers.delimiter",
                           "headers.separator"));
  SEMEL_CHECK(refuse_equal(p.headers_delimiter_ == p.headers_key_separator_, "headers.delimiter",
                           "headers.key.separator"));
  SEMEL_CHECK(refuse_equal(p.headers_separator_ == p.headers_key_separator_, "headers.separator",
                           "headers.key.separator"));
  SEMEL_CHECK(refuse_equal(p.null_marker_ == p.key_separator_, "null.marker", "key.separator"));
  SEMEL_CHECK(
      refuse_equal(p.null_marker_ == p.headers_separator_, "null.marker", "headers.separator"));
  SEMEL_CHECK(
      refuse_equal(p.null_marker_ == p.headers_delimiter_, "null.marker", "headers.delimiter"));
  SEMEL_CHECK(refuse_equal(p.null_marker_ == p.headers_key_separator_, "null.marker",
                           "headers.key.separator"));
  return parser;
}

std::optional<std::string> LineParser::value_or_null(std::string_view text) const {
  if (null_marker_ && text == *null_marker_) return std::nullopt;
  return std::string(text);
}

Result<std::optional<std::string_view>> LineParser::cut(std::string_view& rest,
                                                        const std::string& separator,
                                                        std::string_view what,
                                                        std::string_view line) {
  const size_t at = rest.find(separator);
  if (at == std::string_view::npos) {
    if (ignores_errors_) return std::nullopt;
    return fail(ErrorCode::kInvalidRequest,
                fmt::format("No {} found on line number {}: '{}'", what, line_number_, line));
  }
  const std::string_view part = rest.substr(0, at);
  rest.remove_prefix(at + separator.size());
  return part;
}

Result<void> LineParser::parse_headers(std::string_view text, std::string_view,
                                       LineRecord& record) {
  while (true) {
    const size_t end = text.find(headers_separator_);
    const std::string_view pair = text.substr(0, end);
    const size_t colon = pair.find(headers_key_separator_);
    if (colon == std::string_view::npos && !ignores_errors_)
      return fail(ErrorCode::kInvalidRequest,
                  fmt::format("No header key separator found in pair '{}' on line number {}", pair,
                              line_number_));
    const std::string_view key = pair.substr(0, colon);
    if (null_marker_ && key == *null_marker_)
      return fail(
          ErrorCode::kInvalidRequest,
          fmt::format(
              "Header keys should not be equal to the null marker '{}' as they can't be null",
              key));
    auto& header = record.headers.emplace_back(std::string(key), std::nullopt);
    if (colon != std::string_view::npos)
      header.second = value_or_null(pair.substr(colon + headers_key_separator_.size()));
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + headers_separator_.size());
  }
}

Result<LineRecord> LineParser::parse(std::string_view line) {
  ++line_number_;
  LineRecord record;
  std::string_view rest = line;
  if (has_headers_) {
    SEMEL_TRY(const auto headers, cut(rest, headers_delimiter_, "headers delimiter", line));
    if (headers && !(null_marker_ && *headers == *null_marker_))
      SEMEL_CHECK(parse_headers(*headers, line, record));
  }
  if (has_key_) {
    SEMEL_TRY(const auto key, cut(rest, key_separator_, "key separator", line));
    if (key) record.key = value_or_null(*key);
  }
  record.value = value_or_null(rest);
  return record;
}

}  // namespace semel::cli
