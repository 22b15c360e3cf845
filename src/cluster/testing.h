// What the tests of this folder share: golden files, and a replay of them. Tests only.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "cluster/image_delta.h"
#include "cluster/image_writer.h"
#include "cluster/metadata_batch.h"
#include "cluster/snapshot_file.h"
#include "record/batch_iterator.h"
#include "record/record_iterator.h"

namespace semel::cluster::testing {

inline std::string golden(const std::string& path) {
  return std::string(SEMEL_GOLDEN_DIR) + "/" + path;
}

inline bytes::Buffer load(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream content;
  content << file.rdbuf();
  EXPECT_TRUE(file.good()) << path;
  return bytes::Buffer::copy_of(content.str());
}

/// Keeps the last record of every batch region, and replays what it sees.
class Replayer final : public BatchVisitor {
 public:
  explicit Replayer(ImagePtr base) : delta_(std::move(base)) {}

  Result<void> on_record(const RecordPlace& place, const VersionedRecord& record) override {
    last_ = place;
    ++types[std::string(record_type_name(record.body))];
    return delta_.replay(record);
  }
  Result<void> on_control(const RecordPlace& place, const ControlRecord& record) override {
    last_ = place;
    controls.push_back(record);
    return {};
  }
  ImageDelta& delta() { return delta_; }
  ImageChange finish() const { return delta_.finish(last_.offset, last_.epoch); }

  std::vector<ControlRecord> controls;
  std::map<std::string, int> types;

 private:
  ImageDelta delta_;
  RecordPlace last_{Offset{-1}, LeaderEpoch{0}, -1};
};

inline ImagePtr empty_image() { return std::make_shared<const MetadataImage>(); }

inline ImagePtr image_of_snapshot(const std::string& path) {
  ImageDelta delta(empty_image());
  const bytes::Buffer file = load(path);
  const auto facts = read_snapshot(
      file.span(), [&](const VersionedRecord& record) { return delta.replay(record); });
  EXPECT_TRUE(facts.has_value()) << (facts ? "" : facts.error().context);
  return delta.image();
}

/// Record by record, as text that is easy to compare.
inline std::vector<std::string> lines(const MetadataImage& image) {
  std::vector<std::string> result;
  for (const VersionedRecord& record : to_records(image)) {
    bytes::Writer writer;
    encode_record(record, writer);
    std::string hex(record_type_name(record.body));
    for (const std::byte byte : writer.written())
      hex += fmt::format(" {:02x}", static_cast<int>(byte));
    result.push_back(hex);
  }
  return result;
}

}  // namespace semel::cluster::testing
