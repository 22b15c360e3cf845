#include "broker/properties.h"

#include <cstdint>
#include <optional>

#include <fmt/format.h>

namespace semel::broker {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\f'; }

struct LogicalLine {
  std::string text;  // continuations joined, escapes still in place
  int number = 0;    // of its first physical line, from 1
};

bool ends_in_open_escape(std::string_view line) {
  size_t count = 0;
  while (count < line.size() && line[line.size() - 1 - count] == '\\') ++count;
  return count % 2 == 1;
}

std::vector<LogicalLine> logical_lines(std::string_view text) {
  std::vector<LogicalLine> lines;
  bool continues = false;
  int number = 0;
  while (!text.empty()) {
    ++number;
    const size_t end = text.find_first_of("\r\n");
    std::string_view line = text.substr(0, end);
    const bool is_crlf = end != std::string_view::npos && text.substr(end, 2) == "\r\n";
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + (is_crlf ? 2 : 1));
    while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
    if (!continues) {
      if (line.empty() || line.front() == '#' || line.front() == '!') continue;
      lines.push_back({{}, number});
    }
    continues = ends_in_open_escape(line);
    if (continues) line.remove_suffix(1);
    lines.back().text += line;
  }
  return lines;
}

void put_utf8(std::string& out, uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xe0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

std::optional<uint32_t> four_hex_digits(std::string_view text) {
  if (text.size() < 4) return std::nullopt;
  uint32_t value = 0;
  for (char c : text.substr(0, 4)) {
    const size_t digit = std::string_view("0123456789abcdef").find(static_cast<char>(c | 0x20));
    if (digit == std::string_view::npos) return std::nullopt;
    value = value * 16 + static_cast<uint32_t>(digit);
  }
  return value;
}

/// Nothing if a \u escape is broken.
std::optional<std::string> unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    if (c == 'u') {
      const auto code = four_hex_digits(text.substr(i + 1));
      if (!code) return std::nullopt;
      put_utf8(out, *code);
      i += 4;
      continue;
    }
    const size_t known = std::string_view("tnrf").find(c);
    out += known == std::string_view::npos ? c : "\t\n\r\f"[known];
  }
  return out;
}

size_t end_of_key(std::string_view line) {
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\') {
      ++i;
    } else if (line[i] == '=' || line[i] == ':' || is_blank(line[i])) {
      return i;
    }
  }
  return line.size();
}

std::string_view after_separator(std::string_view rest) {
  while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
  if (!rest.empty() && (rest.front() == '=' || rest.front() == ':')) rest.remove_prefix(1);
  while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
  return rest;
}

}  // namespace

Result<std::vector<Setting>> parse_properties(std::string_view text, std::string_view name) {
  std::vector<Setting> settings;
  for (const LogicalLine& line : logical_lines(text)) {
    const size_t key_end = end_of_key(line.text);
    auto key = unescape(std::string_view(line.text).substr(0, key_end));
    auto value = unescape(after_separator(std::string_view(line.text).substr(key_end)));
    const std::string origin = fmt::format("{}:{}", name, line.number);
    if (!key || !value)
      return fail(
          ErrorCode::kInvalidConfig,
          origin + ": a \\u escape needs four hexadecimal digits; write \\\\u for a plain one");
    while (!value->empty() && is_blank(value->back())) value->pop_back();
    settings.push_back({std::move(*key), std::move(*value), origin});
  }
  return settings;
}

}  // namespace semel::broker
