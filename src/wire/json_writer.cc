#include "wire/json_writer.h"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace semel::wire {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// Length of the well-formed UTF-8 sequence at the start of `text` (Unicode table 3-7); 0 if none.
size_t utf8_length(std::string_view text) {
  const auto at = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = at(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  uint8_t low = 0x80;
  uint8_t high = 0xbf;
  if (first == 0xe0) low = 0xa0;
  if (first == 0xed) high = 0x9f;
  if (first == 0xf0) low = 0x90;
  if (first == 0xf4) high = 0x8f;
  if (at(1) < low || at(1) > high) return 0;
  for (size_t i = 2; i < length; ++i)
    if ((at(i) & 0xc0) != 0x80) return 0;
  return length;
}

char short_escape(char c) {
  switch (c) {
    case '"':
      return '"';
    case '\\':
      return '\\';
    case '\b':
      return 'b';
    case '\f':
      return 'f';
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    default:
      return 0;
  }
}

}  // namespace

void JsonWriter::separate() {
  if (needs_comma_) out_ += ',';
  needs_comma_ = true;
}

void JsonWriter::open(char bracket) {
  separate();
  out_ += bracket;
  needs_comma_ = false;
}

void JsonWriter::close(char bracket) {
  out_ += bracket;
  needs_comma_ = true;
}

void JsonWriter::key(std::string_view name) {
  separate();
  out_ += '"';
  out_ += name;
  out_ += "\":";
  needs_comma_ = false;
}

void JsonWriter::put_int(int64_t value) {
  separate();
  fmt::format_to(std::back_inserter(out_), "{}", value);
}

void JsonWriter::put_bool(bool value) { put_raw(value ? "true" : "false"); }

void JsonWriter::put_double(double value) {
  const std::string text = java_double(value);
  std::isfinite(value) ? put_raw(text) : put_text(text);
}

void JsonWriter::put_text(std::string_view text) {
  separate();
  out_ += '"';
  put_escaped(text);
  out_ += '"';
}

void JsonWriter::put_escaped(std::string_view text) {
  while (!text.empty()) {
    const char c = text.front();
    const size_t length = utf8_length(text);
    if (const char escape = short_escape(c); escape != 0) {
      out_ += '\\';
      out_ += escape;
    } else if (static_cast<uint8_t>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out_), "\\u{:04X}", static_cast<uint8_t>(c));
    } else {
      out_ += length == 0 ? kReplacement : text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
}

void JsonWriter::put_uuid(const Uuid& value) { put_text(value.to_text()); }

void JsonWriter::put_base64(bytes::ByteSpan content) {
  separate();
  out_ += '"';
  out_ += base64(content);
  out_ += '"';
}

void JsonWriter::put_null() { put_raw("null"); }

void JsonWriter::put_raw(std::string_view json) {
  separate();
  out_ += json;
}

std::string java_double(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  const double size = std::fabs(value);
  const bool is_plain = size == 0 || (size >= 1e-3 && size < 1e7);
  char text[400];
  const auto form = is_plain ? std::chars_format::fixed : std::chars_format::scientific;
  const auto end = std::to_chars(std::begin(text), std::end(text), value, form).ptr;
  std::string out(text, end);
  const size_t mantissa_end = std::min(out.find('e'), out.size());
  std::string mantissa = out.substr(0, mantissa_end);
  if (mantissa.find('.') == std::string::npos) mantissa += ".0";
  if (is_plain) return mantissa;
  int exponent = 0;
  const size_t digits = mantissa_end + (out[mantissa_end + 1] == '+' ? 2 : 1);
  std::from_chars(out.data() + digits, out.data() + out.size(), exponent);
  return fmt::format("{}E{}", mantissa, exponent);
}

std::string base64(bytes::ByteSpan content) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((content.size() + 2) / 3 * 4);
  for (size_t i = 0; i < content.size(); i += 3) {
    const size_t count = std::min<size_t>(3, content.size() - i);
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k)
      group = (group << 8) | (k < count ? std::to_integer<uint32_t>(content[i + k]) : 0);
    for (size_t k = 0; k < 4; ++k) out += k <= count ? kDigits[(group >> (18 - 6 * k)) & 63] : '=';
  }
  return out;
}

}  // namespace semel::wire
