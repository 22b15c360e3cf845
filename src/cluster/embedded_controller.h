// EmbeddedController: the controller node of this process. Joins the quorum core, the metadata log
// and the controller's decisions, and is what the request handlers of api/controller talk to.
//
// Thread rule: everything on `home` (executor 0) unless said otherwise; handlers of other executors
// go there first. Group commit: one flush at a time, everything appended while it ran forms the
// next one; who waits for an offset continues when it is below the high watermark.
#pragma once

#include <limits>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "cluster/controller.h"
#include "cluster/metadata_log.h"
#include "quorum/quorum.h"
#include "rt/event.h"
#include "rt/gate.h"
#include "rt/runtime.h"
#include "rt/wait.h"

namespace semel::cluster {

struct ControllerNodeConfig {
  std::string directory;  // holds __cluster_metadata-0; formatted
  DirectoryId directory_id;
  ControllerSettings settings;
  std::optional<BrokerId> own_broker;  // the broker of this process
  /// Static quorum (kraft.version 0): the ids of `controller.quorum.voters`; empty: this node
  /// alone.
  std::vector<int32_t> voters;
  MetadataLogConfig log;
  /// A NoOp record after so long without records; 0 = never. Not while this process is alone.
  rt::Duration max_idle_interval = std::chrono::milliseconds(500);
};

class EmbeddedController {
 public:
  /// `on_fatal` is called at most once, on home: the node cannot go on (the log failed, or a record
  /// of its own did not replay).
  EmbeddedController(rt::Runtime& runtime, ControllerNodeConfig config,
                     rt::UniqueFunction<void(const Error&)> on_fatal);
  ~EmbeddedController();

  /// Opens and loads the log, takes a new epoch, appends what a new leader appends. Does not wait
  /// for the first flush: whoever waits for a commit does.
  rt::Task<Result<void>> start();
  /// Answers everybody who waits with kNotController, flushes and closes the log.
  rt::Task<void> stop();

  const ControllerNodeConfig& config() const { return config_; }
  const quorum::Quorum& quorum() const { return quorum_; }
  /// Decisions are taken here; their records go to commit() without a wait in between.
  Controller& controller() { return controller_; }
  rt::Executor& home() const { return home_; }
  int64_t monotonic_ms() const;
  Offset next_offset() const { return quorum_.log_end(); }
  /// kNotController while this node is not the active controller.
  Result<void> check_active() const;

  /// Appends `records` as one batch (none: only waits), and waits until they are committed. Errors:
  /// kNotController, kKafkaStorageError (nothing was appended).
  rt::Task<Result<void>> commit(Records records);

  struct Fetched {
    quorum::FetchVerdict verdict;
    bytes::Buffer records;  // committed ones only; may be empty
    Offset high_watermark{-1};
    Offset log_start{0};
  };
  /// How long a fetch waits for records behind its offset, or for a higher high watermark.
  struct FetchLimits {
    Offset known_high_watermark{std::numeric_limits<int64_t>::max()};
    size_t max_bytes = 8u << 20;
    rt::Duration max_wait{};
    const rt::CancelToken* cancel = nullptr;  // the asker is gone
  };
  rt::Task<Fetched> fetch(quorum::FetchAsk ask, FetchLimits limits);
  /// See MetadataLog::read_snapshot_piece; checks that this node leads in `ask`'s epoch.
  Result<SnapshotPiece> fetch_snapshot(LeaderEpoch current_epoch, quorum::LogPoint point,
                                       int64_t position, size_t max_bytes);

 private:
  struct Waiter;

  Result<void> open_log();
  Result<void> take_leadership();
  Result<void> append_batch(const Records& records);
  rt::Task<Result<void>> flush();
  rt::Task<void> flush_loop(rt::Gate::Entry entry);
  void snapshot_if_due();
  rt::Task<void> write_snapshot(rt::Gate::Entry entry);
  rt::Task<void> clean_loop(rt::Gate::Entry entry);
  rt::Task<Result<bool>> clean_once();
  rt::Task<void> session_loop(rt::Gate::Entry entry);
  rt::Task<void> idle_loop(rt::Gate::Entry entry);
  rt::Task<bool> wait_for(Offset high_watermark_above, rt::WaitLimits limits);
  void wake_waiters();
  void append_or_fail(const Records& records);
  void note_failed_append(const Error& why);
  void fail_for_good(const Error& why);

  rt::Runtime& runtime_;
  ControllerNodeConfig config_;
  rt::Executor& home_;
  rt::UniqueFunction<void(const Error&)> on_fatal_;
  Controller controller_;
  quorum::Quorum quorum_;
  std::unique_ptr<MetadataLog> log_;
  MetadataBatchBuilder builder_;
  std::optional<quorum::ElectionState> unsaved_election_;
  std::list<Waiter*> waiters_;
  rt::Doorbell flush_bell_;
  rt::Doorbell clean_bell_;
  rt::CancelSource cancel_;
  rt::CancelToken cancelled_;
  rt::Gate gate_;
  rt::Instant last_append_{};
  rt::Instant last_snapshot_{};
  int64_t last_append_unix_ms_ = 0;
  uint64_t bytes_behind_snapshot_ = 0;
  bool is_writing_snapshot_ = false;
  bool has_deleted_ = false;  // segments whose files may still wait for their removal
  bool is_active_ = false;
  bool has_failed_ = false;
};

}  // namespace semel::cluster
