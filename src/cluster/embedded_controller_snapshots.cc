// The controller node's snapshots: when one is written, and when old ones go (KIP-630).
#include "base/log.h"
#include "cluster/embedded_controller.h"
#include "cluster/image_writer.h"
#include "rt/blocking.h"

namespace semel::cluster {
namespace {

/// As Kafka looks at them.
constexpr rt::Duration kCleanInterval = std::chrono::seconds(60);

}  // namespace

void EmbeddedController::snapshot_if_due() {
  const bool all_is_committed = quorum_.high_watermark() == quorum_.log_end();
  if (!is_active_ || is_writing_snapshot_ || !all_is_committed) return;
  const std::chrono::milliseconds interval(config_.log.snapshot_interval_ms);
  const bool is_old = interval.count() > 0 && home_.clock().now() - last_snapshot_ >= interval;
  if (bytes_behind_snapshot_ < config_.log.snapshot_bytes && !is_old) return;
  is_writing_snapshot_ = true;
  bytes_behind_snapshot_ = 0;
  last_snapshot_ = home_.clock().now();
  rt::spawn(write_snapshot(gate_.enter()));
}

/// The image is that of the log's end, which is committed: a point where a batch ends.
rt::Task<void> EmbeddedController::write_snapshot([[maybe_unused]] rt::Gate::Entry entry) {
  const quorum::LogPoint point{quorum_.log_end(), quorum_.epoch()};
  const ImagePtr image = controller_.image();
  SnapshotContent content;
  content.epoch = point.epoch;
  content.last_contained_log_timestamp = last_append_unix_ms_;
  if (quorum_.kraft_version() >= 1) {
    content.kraft_version = quorum_.kraft_version();
    content.voters = quorum_.voters();
  }
  auto written = co_await rt::run_blocking(*runtime_.disk, home_, [&] {
    content.records = to_records(*image);
    return log_->write_snapshot(point, content);
  });
  is_writing_snapshot_ = false;
  if (!written) {
    log_warn("cluster", "a snapshot of the metadata was not written: {}", written.error().context);
    co_return;
  }
  const quorum::LogPoint oldest = log_->add_snapshot(point);
  quorum_.on_snapshots(oldest, point, log_->start());
  clean_bell_.ring();
}

rt::Task<void> EmbeddedController::clean_loop([[maybe_unused]] rt::Gate::Entry entry) {
  while (is_active_) {
    auto cleaned = co_await clean_once();
    if (!cleaned) log_warn("cluster", "old metadata was not deleted: {}", cleaned.error().context);
    if (cleaned && *cleaned) continue;
    co_await clean_bell_.wait(
        {.deadline = home_.clock().now() + kCleanInterval, .cancel = &cancelled_});
  }
}

/// Deletes one snapshot and the log before the next one, if that is due.
rt::Task<Result<bool>> EmbeddedController::clean_once() {
  const std::vector<quorum::LogPoint> snapshots = log_->snapshots();
  if (snapshots.size() < 2 && !has_deleted_) co_return false;
  auto is_due = co_await rt::run_blocking(*runtime_.disk, home_, [&] {
    log_->remove_retired();
    return log_->is_oldest_due(snapshots, runtime_.clock->unix_ms());
  });
  if (!is_active_) co_return false;
  if (!is_due || !*is_due) co_return is_due;
  // Followers must be told of the new start before anything behind it goes.
  auto forgotten = log_->forget_oldest_snapshot();
  if (!forgotten) co_return fail(forgotten.error());
  quorum_.on_snapshots(log_->snapshots().front(), log_->snapshots().back(), log_->start());
  has_deleted_ = true;
  auto removed = co_await rt::run_blocking(*runtime_.disk, home_,
                                           [&] { return log_->remove_before_start(*forgotten); });
  if (!removed) co_return fail(removed.error());
  co_return true;
}

}  // namespace semel::cluster
