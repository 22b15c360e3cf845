#include "rt/sim/file_content.h"

#include <algorithm>
#include <cstring>

namespace semel::rt::sim {

size_t FileContent::read(uint64_t at, bytes::MutableByteSpan into) const {
  if (at >= now_.size()) return 0;
  const size_t count = std::min<size_t>(into.size(), now_.size() - at);
  if (count > 0) std::memcpy(into.data(), now_.data() + at, count);
  return count;
}

void FileContent::mark_dirty(uint64_t from, uint64_t to) {
  if (from >= to) return;
  for (uint64_t page = from / kPage; page <= (to - 1) / kPage; ++page) dirty_.insert(page);
}

void FileContent::write(uint64_t at, bytes::ByteSpan bytes) {
  if (bytes.empty()) return;
  const uint64_t end = at + bytes.size();
  mark_dirty(std::min<uint64_t>(at, now_.size()), end);
  if (end > now_.size()) now_.resize(end);
  std::memcpy(now_.data() + at, bytes.data(), bytes.size());
}

void FileContent::truncate(uint64_t size) {
  if (size > now_.size()) mark_dirty(now_.size(), size);
  now_.resize(size);
  const uint64_t first_gone = (size + kPage - 1) / kPage;
  dirty_.erase(dirty_.lower_bound(first_gone), dirty_.end());
  if (size % kPage != 0) dirty_.insert(size / kPage);
}

void FileContent::copy_page_out(uint64_t page) {
  const uint64_t from = page * kPage;
  if (from >= now_.size()) return;
  const uint64_t to = std::min<uint64_t>(from + kPage, now_.size());
  if (durable_.size() < to) durable_.resize(to);
  std::memcpy(durable_.data() + from, now_.data() + from, to - from);
}

void FileContent::sync() {
  durable_.resize(now_.size());
  for (const uint64_t page : dirty_) copy_page_out(page);
  dirty_.clear();
}

void FileContent::write_back(SimRandom& random) {
  if (dirty_.empty()) return;
  auto chosen = dirty_.begin();
  std::advance(chosen, random.below(std::min<uint64_t>(dirty_.size(), 4)));
  copy_page_out(*chosen);
  dirty_.erase(chosen);
}

uint64_t FileContent::size_after_crash(SimRandom& random) const {
  const uint64_t low = std::min(now_.size(), durable_.size());
  const uint64_t high = std::max(now_.size(), durable_.size());
  if (now_.size() < durable_.size()) return random.below(2) == 0 ? low : high;
  switch (random.below(4)) {
    case 0:
      return low;
    case 1:
      return random.between(low, high);
    default:
      return high;
  }
}

void FileContent::leave_page(SimRandom& random, uint64_t page,
                             std::vector<std::byte>& image) const {
  const uint64_t choice = random.below(3);
  if (choice == 0) return;
  const uint64_t from = page * kPage;
  const uint64_t to = std::min<uint64_t>({from + kPage, now_.size(), image.size()});
  if (from >= to) return;
  if (choice == 1) {
    std::memcpy(image.data() + from, now_.data() + from, to - from);
    return;
  }
  const bool is_prefix = random.below(2) == 0;
  const uint64_t prefix = random.between(0, kPage / kSector);
  for (uint64_t at = from; at < to; at += kSector) {
    const bool is_written = is_prefix ? (at - from) / kSector < prefix : random.below(2) == 0;
    if (!is_written) continue;
    std::memcpy(image.data() + at, now_.data() + at, std::min<uint64_t>(kSector, to - at));
  }
}

bool FileContent::crash(SimRandom& random) {
  if (!is_dirty() && now_ == durable_) return false;
  std::vector<std::byte> image = durable_;
  const uint64_t mode = random.below(6);  // all lost, all kept, or page by page
  if (mode == 1) {
    for (const uint64_t page : dirty_) copy_page_out(page);
    if (now_.size() < durable_.size()) durable_.resize(now_.size());
    image = durable_;
  } else if (mode > 1) {
    image.resize(size_after_crash(random));
    for (const uint64_t page : dirty_) leave_page(random, page, image);
  }
  const bool has_changed = image != now_;
  now_ = image;
  durable_ = std::move(image);
  dirty_.clear();
  return has_changed;
}

void FileContent::flip_bit(uint64_t at, uint32_t bit) {
  const auto mask = static_cast<std::byte>(1u << (bit & 7));
  if (at < now_.size()) now_[at] ^= mask;
  if (at < durable_.size()) durable_[at] ^= mask;
}

}  // namespace semel::rt::sim
