#include "gen/golden.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/assert.h"

namespace semel::gen {
namespace {

namespace fs = std::filesystem;

fs::path wire_dir() { return fs::path(SEMEL_GOLDEN_DIR) / "wire"; }

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<fs::path> sorted_files(const fs::path& folder, std::string_view extension) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().extension() == extension) files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

Vector parse_vector(const std::string& line) {
  const auto fields = nlohmann::json::parse(line);
  constexpr std::string_view kMark = ",\"json\":";
  const size_t at = line.find(kMark) + kMark.size();
  return {.name = fields.at("name"),
          .scenario = fields.at("case"),
          .version = fields.at("version"),
          .body = unhex(fields.at("hex").get<std::string>()),
          .json = line.substr(at, line.size() - at - 1)};
}

}  // namespace

std::string hex(bytes::ByteSpan bytes) {
  std::string text;
  for (std::byte b : bytes) {
    text += "0123456789abcdef"[std::to_integer<int>(b) >> 4];
    text += "0123456789abcdef"[std::to_integer<int>(b) & 15];
  }
  return text;
}

std::vector<std::byte> unhex(std::string_view text) {
  std::vector<std::byte> bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    uint8_t value = 0;
    std::from_chars(text.data() + i, text.data() + i + 2, value, 16);
    bytes.push_back(std::byte{value});
  }
  return bytes;
}

std::string read_golden(std::string_view path) { return read_file(wire_dir() / path); }

void for_each_vector(const std::function<void(const Vector&)>& visit) {
  for (const fs::path& path : sorted_files(wire_dir() / "synthetic", ".jsonl")) {
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);) {
      if (!line.empty()) visit(parse_vector(line));
    }
  }
}

void for_each_captured_frame(const std::function<void(const CapturedFrame&)>& visit) {
  for (const fs::path& path : sorted_files(wire_dir(), ".bin")) {
    const std::string file = path.filename().string();  // Vote.v2.1.request.bin
    const size_t dot = file.find('.');
    const std::string content = read_file(path);
    const bytes::ByteSpan span = bytes::as_bytes(content);
    CapturedFrame frame{.file = file,
                        .api = file.substr(0, dot),
                        .is_request = file.find(".request.") != std::string::npos,
                        .bytes = {span.begin(), span.end()}};
    std::from_chars(file.data() + dot + 2, file.data() + file.size(), frame.version);
    visit(frame);
  }
}

TEST(Golden, IsThere) {
  size_t vectors = 0;
  size_t frames = 0;
  for_each_vector([&](const Vector& vector) {
    ++vectors;
    ASSERT_EQ(vector.json.front(), '{') << vector.name;
    ASSERT_EQ(vector.json.back(), '}') << vector.name;
  });
  for_each_captured_frame([&](const CapturedFrame&) { ++frames; });
  EXPECT_EQ(vectors, 1787u);
  EXPECT_EQ(frames, 952u);
}

}  // namespace semel::gen
