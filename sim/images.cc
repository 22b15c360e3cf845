#include "images.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/assert.h"

namespace semel::sim {

void ImageWriter::take(rt::sim::Node& node) {
  if (left_ == 0) return;
  const auto contents = node.file_system().contents();
  const bool was_clean = std::ranges::any_of(
      contents, [](const auto& file) { return file.first.ends_with("/.kafka_cleanshutdown"); });
  const bool has_records = std::ranges::any_of(contents, [](const auto& file) {
    return file.first.find("/broker/events-") != std::string::npos &&
           file.first.ends_with(".log") && !file.second.empty();
  });
  if (was_clean || !has_records) return;
  --left_;
  const std::string image = fmt::format("{}/{}-{}", folder_, name_, ++taken_);
  for (const auto& [path, content] : contents) {
    const auto written =
        path.ends_with('/') ? disk_->make_directories(image + path) : write(image + path, content);
    SEMEL_ASSERT(written, "an image cannot be written");
  }
}

Result<void> ImageWriter::write(const std::string& path, bytes::ByteSpan content) {
  SEMEL_CHECK(disk_->make_directories(rt::parent_of(path)));
  SEMEL_TRY(auto file, disk_->open(path, rt::OpenMode::kCreateNew));
  return file->pwritev(0, std::span(&content, 1));
}

}  // namespace semel::sim
