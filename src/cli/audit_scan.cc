#include "cli/audit_scan.h"

#include <algorithm>

namespace semel::cli {
namespace {

constexpr uint64_t kWindow = uint64_t{1} << 20;

}  // namespace

Result<void> AuditScan::fill(uint64_t wanted) {
  window_.resize(std::min(std::max(wanted, kWindow), size_ - at_));
  window_at_ = at_;
  SEMEL_TRY(const size_t got, file_.pread(at_, window_));
  window_.resize(got);
  // The file shrank while it was read: what is left of it is its end.
  if (got < std::min(wanted, size_ - at_)) size_ = at_ + got;
  return {};
}

Result<bool> AuditScan::is_zero_to_the_end() {
  const uint64_t blank_at = at_;
  bool is_zero = true;
  for (; is_zero && at_ < size_; at_ += window_.size()) {
    SEMEL_CHECK(fill(1));
    if (window_.empty()) break;
    is_zero = std::ranges::all_of(window_, [](std::byte b) { return b == std::byte{0}; });
  }
  at_ = blank_at;
  return is_zero;
}

Result<std::optional<record::BatchView>> AuditScan::next() {
  while (stop_ == record::BatchStop::kNone) {
    const uint64_t held = window_at_ + window_.size() - at_;
    record::BatchIterator batches(bytes::ByteSpan(window_).last(held), kBatchMax);
    const auto batch = batches.next();
    if (batch) {
      position_ = at_;
      at_ += batch->size();
      return *batch;
    }
    const bool may_go_on =
        batches.stop() == record::BatchStop::kEnd || batches.stop() == record::BatchStop::kTorn;
    const uint64_t wanted = std::max<uint64_t>(1, batches.bytes_wanted());
    if (may_go_on && at_ + held < size_ && (wanted <= size_ - at_ || held == 0)) {
      SEMEL_CHECK(fill(wanted));
      continue;
    }
    stop_ = batches.stop();
    reason_ = batches.reason();
    if (stop_ != record::BatchStop::kBlank) break;
    SEMEL_TRY(const bool is_zero, is_zero_to_the_end());
    if (!is_zero) stop_ = record::BatchStop::kCorrupt;
  }
  return std::nullopt;
}

}  // namespace semel::cli
