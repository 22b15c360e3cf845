#include "cli/dump_file.h"

#include <algorithm>

#include <fmt/format.h>

namespace semel::cli {
namespace {

constexpr uint64_t kWindow = uint64_t{1} << 20;

}  // namespace

Thrown<DumpFile> DumpFile::open(const DumpPaths& paths, const std::string& path,
                                std::string shown) {
  auto file = paths.disk.open(paths.absolute(path), rt::OpenMode::kRead);
  if (!file && file.error().cause == Cause::kNotFound)
    return java_throw("java.nio.file.NoSuchFileException: " + shown);
  if (!file && file.error().cause == Cause::kPermission)
    return java_throw("java.nio.file.AccessDeniedException: " + shown);
  if (!file) return java_throw("java.io.IOException: " + file.error().context);
  const auto size = (*file)->size();
  if (!size) return java_throw("java.io.IOException: " + size.error().context);
  return DumpFile(std::move(*file), *size, std::move(shown));
}

Thrown<bytes::ByteSpan> DumpFile::read(uint64_t at, uint64_t count) {
  if (at > size_ || count > size_ - at) return java_throw("java.io.EOFException: " + shown_);
  const bool is_held = at >= window_at_ && at + count <= window_at_ + window_.size();
  if (!is_held) {
    window_.resize(std::min(std::max(count, kWindow), size_ - at));
    window_at_ = at;
    const auto got = file_->pread(at, window_);
    if (!got) return java_throw("java.io.IOException: " + got.error().context);
    window_.resize(*got);
    if (*got < count) return java_throw("java.io.EOFException: " + shown_);
  }
  return bytes::ByteSpan(window_).subspan(at - window_at_, count);
}

Thrown<std::optional<record::BatchView>> DumpBatches::next() {
  if (end_ < record::kHeaderSizeUpToMagic || at_ >= end_ - record::kHeaderSizeUpToMagic)
    return std::nullopt;
  SEMEL_JAVA_TRY(const bytes::ByteSpan head, file_.read(at_, record::kHeaderSizeUpToMagic));
  const int32_t length = bytes::load_be<int32_t>(head.data() + 8);
  const auto magic = static_cast<int8_t>(head[16]);
  if (length < record::kLengthMinV0)
    return java_throw(fmt::format(
        "org.apache.kafka.common.errors.CorruptRecordException: Found record size {} smaller than "
        "minimum record overhead ({}) in file {}.",
        length, record::kLengthMinV0, file_.shown()));
  const uint64_t size = record::kLogOverhead + static_cast<uint64_t>(length);
  if (size > end_ - at_) return std::nullopt;
  const int32_t length_min = magic >= record::kMagicV2   ? record::kLengthMinV2
                             : magic == record::kMagicV1 ? record::kLengthMinV1
                                                         : record::kLengthMinV0;
  if (length < length_min || magic < 0 || magic > record::kMagicV2)
    return java_throw(
        fmt::format("org.apache.kafka.common.errors.CorruptRecordException: Found a batch of magic "
                    "{} and size {} "
                    "in file {}.",
                    magic, size, file_.shown()));
  SEMEL_JAVA_TRY(const bytes::ByteSpan batch, file_.read(at_, size));
  position_ = at_;
  at_ += size;
  return record::BatchView(batch);
}

}  // namespace semel::cli
