#include "log/meta_properties.h"

#include <charconv>
#include <ctime>
#include <map>
#include <vector>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "base/units.h"

namespace semel::log {
namespace {

constexpr uint64_t kFileMax = 64_KiB;
using Properties = std::map<std::string, std::string, std::less<>>;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\f'; }

void append_utf8(std::string& text, uint32_t unit) {
  if (unit < 0x80) {
    text.push_back(static_cast<char>(unit));
  } else if (unit < 0x800) {
    text.push_back(static_cast<char>(0xc0 | (unit >> 6)));
    text.push_back(static_cast<char>(0x80 | (unit & 0x3f)));
  } else {
    text.push_back(static_cast<char>(0xe0 | (unit >> 12)));
    text.push_back(static_cast<char>(0x80 | ((unit >> 6) & 0x3f)));
    text.push_back(static_cast<char>(0x80 | (unit & 0x3f)));
  }
}

/// Reads one escape; `at` is behind the backslash and moves behind the escape. False if malformed.
bool read_escape(std::string_view line, size_t& at, std::string& text) {
  const char c = line[at++];
  switch (c) {
    case 't':
      text.push_back('\t');
      return true;
    case 'n':
      text.push_back('\n');
      return true;
    case 'r':
      text.push_back('\r');
      return true;
    case 'f':
      text.push_back('\f');
      return true;
    case 'u': {
      if (line.size() - at < 4) return false;
      uint32_t unit = 0;
      const auto [end, error] = std::from_chars(line.data() + at, line.data() + at + 4, unit, 16);
      if (error != std::errc{} || end != line.data() + at + 4) return false;
      append_utf8(text, unit);
      at += 4;
      return true;
    }
    default:
      text.push_back(c);
      return true;
  }
}

/// Key and value of one logical line, as java.util.Properties splits it.
bool read_pair(std::string_view line, Properties& into) {
  std::string key;
  std::string value;
  size_t at = 0;
  while (at < line.size() && line[at] != '=' && line[at] != ':' && !is_blank(line[at])) {
    if (line[at] != '\\') {
      key.push_back(line[at++]);
    } else if (++at == line.size() || !read_escape(line, at, key)) {
      return false;
    }
  }
  while (at < line.size() && is_blank(line[at])) ++at;
  if (at < line.size() && (line[at] == '=' || line[at] == ':')) ++at;
  while (at < line.size() && is_blank(line[at])) ++at;
  while (at < line.size()) {
    if (line[at] != '\\') {
      value.push_back(line[at++]);
    } else if (++at == line.size() || !read_escape(line, at, value)) {
      return false;
    }
  }
  into[std::move(key)] = std::move(value);
  return true;
}

size_t trailing_backslashes(std::string_view line) {
  size_t count = 0;
  while (count < line.size() && line[line.size() - 1 - count] == '\\') ++count;
  return count;
}

std::vector<std::string> logical_lines(std::string_view text) {
  std::vector<std::string> lines;
  std::string current;
  bool continues = false;
  while (!text.empty()) {
    const size_t end = text.find_first_of("\r\n");
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
    if (!continues && (line.empty() || line.front() == '#' || line.front() == '!')) continue;
    continues = trailing_backslashes(line) % 2 == 1;
    current += continues ? line.substr(0, line.size() - 1) : line;
    if (continues) continue;
    lines.push_back(std::move(current));
    current.clear();
  }
  if (!current.empty()) lines.push_back(std::move(current));
  return lines;
}

std::string escaped(std::string_view value) {
  std::string text;
  for (const char c : value) {
    if (c == ':' || c == '=' || c == '\\' || c == '#' || c == '!') text.push_back('\\');
    text.push_back(c);
  }
  return text;
}

Result<std::string> required(const Properties& properties, std::string_view key) {
  const auto found = properties.find(key);
  if (found == properties.end() || found->second.empty())
    return fail(ErrorCode::kInvalidConfig, fmt::format("meta.properties lacks {}", key));
  return found->second;
}

Result<int32_t> required_int(const Properties& properties, std::string_view key) {
  SEMEL_TRY(const std::string text, required(properties, key));
  int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value < 0) {
    return fail(ErrorCode::kInvalidConfig,
                fmt::format("{} in meta.properties is not a number: '{}'", key, text));
  }
  return value;
}

}  // namespace

Result<MetaProperties> parse_meta_properties(std::string_view text) {
  Properties properties;
  for (const std::string& line : logical_lines(text)) {
    if (!read_pair(line, properties))
      return fail(ErrorCode::kInvalidConfig, "meta.properties has a malformed escape");
  }
  MetaProperties meta;
  SEMEL_TRY(meta.version, required_int(properties, "version"));
  if (meta.version > 1) {
    return fail(ErrorCode::kInvalidConfig,
                fmt::format("meta.properties has the unknown version {}", meta.version));
  }
  if (meta.version == 1) {
    SEMEL_TRY(meta.cluster_id, required(properties, "cluster.id"));
    SEMEL_TRY(const int32_t id, required_int(properties, "node.id"));
    meta.node_id = BrokerId{id};
  } else {
    if (const auto found = properties.find("cluster.id"); found != properties.end())
      meta.cluster_id = found->second;
    if (properties.contains("broker.id")) {
      SEMEL_TRY(const int32_t id, required_int(properties, "broker.id"));
      meta.node_id = BrokerId{id};
    }
  }
  if (const auto found = properties.find("directory.id"); found != properties.end()) {
    meta.directory_id = Uuid::from_text(found->second);
    if (!meta.directory_id) {
      return fail(ErrorCode::kInvalidConfig,
                  fmt::format("directory.id in meta.properties is malformed: '{}'", found->second));
    }
  }
  return meta;
}

std::string format_meta_properties(const MetaProperties& properties, std::string_view date) {
  std::string text = fmt::format("#\n#{}\n", date);
  const auto put = [&](std::string_view key, std::string_view value) {
    text += fmt::format("{}={}\n", key, escaped(value));
  };
  if (properties.node_id) {
    put(properties.version == 0 ? "broker.id" : "node.id",
        std::to_string(properties.node_id->value));
  }
  if (properties.directory_id) put("directory.id", properties.directory_id->to_text());
  put("version", std::to_string(properties.version));
  if (!properties.cluster_id.empty()) put("cluster.id", properties.cluster_id);
  return text;
}

std::string java_date(int64_t unix_ms) {
  const std::time_t seconds = static_cast<std::time_t>(unix_ms / 1000);
  return fmt::format("{:%a %b %d %H:%M:%S} UTC {:%Y}", fmt::gmtime(seconds), fmt::gmtime(seconds));
}

Result<std::optional<MetaProperties>> read_meta_properties(rt::Disk& disk,
                                                           const std::string& directory) {
  const std::string path = fmt::format("{}/{}", directory, kMetaPropertiesName);
  auto content = rt::read_file(disk, path, kFileMax);
  if (!content) {
    if (content.error().cause == Cause::kNotFound) return std::nullopt;
    return fail(std::move(content.error()));
  }
  auto properties = parse_meta_properties(content->text());
  if (!properties) return fail(std::move(properties.error()), path);
  return *properties;
}

Result<void> write_meta_properties(rt::Disk& disk, const std::string& directory,
                                   const MetaProperties& properties, int64_t now_ms) {
  const std::string text = format_meta_properties(properties, java_date(now_ms));
  return rt::replace_file(disk, fmt::format("{}/{}", directory, kMetaPropertiesName),
                          bytes::as_bytes(text));
}

}  // namespace semel::log
