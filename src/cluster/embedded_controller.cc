#include "cluster/embedded_controller.h"

#include <fmt/format.h>

#include "base/log.h"
#include "rt/blocking.h"

namespace semel::cluster {
namespace {

/// Sessions are looked at this many times per session timeout, as Kafka does.
constexpr int64_t kSessionChecks = 8;
constexpr rt::Duration kFirstFlushDelay = std::chrono::milliseconds(20);

quorum::NodeIdentity identity_of(const ControllerNodeConfig& config) {
  quorum::NodeIdentity identity{
      .id = config.settings.node_id, .directory = config.directory_id, .endpoints = {}};
  for (const Endpoint& endpoint : config.settings.endpoints)
    identity.endpoints.push_back({endpoint.listener, endpoint.host, endpoint.port});
  return identity;
}

std::vector<quorum::Voter> static_voters(const ControllerNodeConfig& config) {
  std::vector<quorum::Voter> voters;
  for (const int32_t id : config.voters)
    voters.push_back({.id = id, .directory = {}, .endpoints = {}});
  if (voters.empty())
    voters.push_back({.id = config.settings.node_id, .directory = {}, .endpoints = {}});
  return voters;
}

}  // namespace

/// Lives in the waiting frame.
struct EmbeddedController::Waiter {
  Waiter(rt::Executor& executor, Offset needed) : event(executor), above(needed) {}
  rt::Event event;
  Offset above;  // woken when the high watermark is greater
};

EmbeddedController::EmbeddedController(rt::Runtime& runtime, ControllerNodeConfig config,
                                       rt::UniqueFunction<void(const Error&)> on_fatal)
    : runtime_(runtime),
      config_(std::move(config)),
      home_(*runtime.executors[0]),
      on_fatal_(std::move(on_fatal)),
      controller_(config_.settings, *runtime.random),
      quorum_(identity_of(config_)),
      flush_bell_(home_),
      clean_bell_(home_),
      cancelled_(cancel_.token()) {}

EmbeddedController::~EmbeddedController() = default;

int64_t EmbeddedController::monotonic_ms() const { return home_.clock().now().ns / 1'000'000; }

Result<void> EmbeddedController::check_active() const {
  if (is_active_) return {};
  return fail(ErrorCode::kNotController, "this node is not the active controller");
}

// ---- start and stop ----

Result<void> EmbeddedController::open_log() {
  SEMEL_TRY(log_, MetadataLog::open(runtime_, config_.directory, config_.log));
  return {};
}

rt::Task<Result<void>> EmbeddedController::start() {
  auto opened = co_await rt::run_blocking(*runtime_.disk, home_, [this] { return open_log(); });
  if (!opened) co_return fail(opened.error());
  auto content = co_await rt::run_blocking(*runtime_.disk, home_, [this] { return log_->load(); });
  if (!content) co_return fail(content.error());
  if (content->facts.kraft_version == 0) content->facts.voters = static_voters(config_);
  auto elected = quorum_.start(content->election, std::move(content->facts));
  if (!elected) co_return fail(elected.error());
  controller_.load(content->image, std::move(content->registered_at), monotonic_ms());
  bytes_behind_snapshot_ = content->bytes_behind_snapshot;
  // Its process is this one, so nobody else can be alive under that id.
  if (config_.own_broker) controller_.end_session(*config_.own_broker);
  unsaved_election_ = elected->persist;
  is_active_ = true;
  last_append_ = home_.clock().now();
  last_snapshot_ = last_append_;
  const bytes::Buffer first =
      builder_.leader(log_->end(), *elected->append, runtime_.clock->unix_ms());
  if (auto appended = log_->append(first); !appended) co_return fail(appended.error());
  quorum_.on_appended(log_->end());
  if (content->has_open_transaction) {
    // What the last leader left open is void; the image does not hold it.
    const Records abort{{gen::AbortTransactionRecord{}, 0}};
    auto appended = log_->append(
        builder_.records(log_->end(), quorum_.epoch(), runtime_.clock->unix_ms(), abort));
    if (!appended) co_return fail(appended.error());
    quorum_.on_appended(log_->end());
  }
  auto led = take_leadership();
  if (!led) co_return fail(led.error());
  rt::spawn(flush_loop(gate_.enter()));
  rt::spawn(session_loop(gate_.enter()));
  rt::spawn(clean_loop(gate_.enter()));
  if (config_.max_idle_interval.count() > 0) rt::spawn(idle_loop(gate_.enter()));
  co_return Result<void>{};
}

Result<void> EmbeddedController::take_leadership() {
  for (const Records& batch : controller_.activation(config_.own_broker))
    SEMEL_CHECK(append_batch(batch));
  return {};
}

rt::Task<void> EmbeddedController::stop() {
  is_active_ = false;
  quorum_.resign();
  cancel_.cancel();
  for (Waiter* waiter : waiters_) waiter->event.set();
  flush_bell_.ring();
  clean_bell_.ring();
  co_await gate_.close(home_);
  if (log_ == nullptr || has_failed_) co_return;
  auto closed =
      co_await rt::run_blocking(*runtime_.disk, home_, [this] { return log_->close_clean(); });
  if (!closed) log_error("cluster", "the metadata log was not closed: {}", closed.error().context);
}

void EmbeddedController::fail_for_good(const Error& why) {
  if (has_failed_) return;
  has_failed_ = true;
  is_active_ = false;
  quorum_.resign();
  log_error("cluster", "the controller cannot go on: {}", why.context);
  for (Waiter* waiter : waiters_) waiter->event.set();
  on_fatal_(why);
}

// ---- appending and committing ----

Result<void> EmbeddedController::append_batch(const Records& records) {
  const Offset first = log_->end();
  const bytes::Buffer batch =
      builder_.records(first, quorum_.epoch(), runtime_.clock->unix_ms(), records);
  SEMEL_CHECK(log_->append(batch));
  quorum_.on_appended(log_->end());
  last_append_ = home_.clock().now();
  last_append_unix_ms_ = runtime_.clock->unix_ms();
  bytes_behind_snapshot_ += batch.size();
  auto replayed = controller_.replay(records, first, quorum_.epoch(), monotonic_ms());
  if (!replayed) fail_for_good(replayed.error());
  return replayed;
}

rt::Task<Result<void>> EmbeddedController::commit(Records records) {
  if (auto active = check_active(); !active) co_return active;
  if (!records.empty()) {
    auto appended = append_batch(records);
    if (!appended) {
      note_failed_append(appended.error());
      co_return fail(appended.error());
    }
  }
  flush_bell_.ring();
  const bool done = co_await wait_for(quorum_.log_end() - 1, {});
  if (!done)
    co_return fail(ErrorCode::kNotController,
                   "the controller stopped before the change was durable");
  co_return Result<void>{};
}

rt::Task<bool> EmbeddedController::wait_for(Offset above, rt::WaitLimits limits) {
  while (is_active_ && quorum_.high_watermark() <= above) {
    Waiter waiter(home_, above);
    const auto at = waiters_.insert(waiters_.end(), &waiter);
    const auto outcome = co_await waiter.event.wait(limits);
    waiters_.erase(at);
    if (outcome != rt::WaitOutcome::kReady) break;
  }
  co_return is_active_&& quorum_.high_watermark() > above;
}

void EmbeddedController::wake_waiters() {
  for (Waiter* waiter : waiters_)
    if (quorum_.high_watermark() > waiter->above) waiter->event.set();
}

/// `quorum-state` of a new epoch and the log, side by side: the epoch counts when both are durable.
rt::Task<Result<void>> EmbeddedController::flush() {
  const auto election = std::exchange(unsaved_election_, std::nullopt);
  const int16_t kraft_version = quorum_.kraft_version();
  rt::OneShot<Result<void>> saved(home_);
  if (election) {
    const auto save = [this, &saved, &election, kraft_version] {
      saved.set(log_->save_election(*election, kraft_version));
    };
    runtime_.disk->run_blocking(save, home_, [] {});
  }
  auto flushed = co_await rt::run_blocking(*runtime_.disk, home_, [this] { return log_->flush(); });
  if (!election) co_return flushed;
  auto outcome = co_await saved.wait();
  if (flushed && outcome && !*outcome) flushed = *outcome;
  co_return flushed;
}

rt::Task<void> EmbeddedController::flush_loop([[maybe_unused]] rt::Gate::Entry entry) {
  // The broker of this process registers at once: its record shares the first flush.
  co_await flush_bell_.wait({.deadline = home_.clock().now() + kFirstFlushDelay});
  while (!has_failed_) {
    const bool is_dirty = log_->end() > log_->flushed_end() || unsaved_election_.has_value();
    if (!is_dirty) {
      if (cancel_.is_cancelled()) co_return;
      co_await flush_bell_.wait();
      continue;
    }
    auto flushed = co_await flush();
    if (!flushed) {
      fail_for_good(flushed.error());
      co_return;
    }
    // What was appended while the flush ran may be covered too.
    const quorum::Output output = quorum_.on_flushed(log_->flushed_end());
    if (output.high_watermark) wake_waiters();
    snapshot_if_due();
  }
}

// ---- timers ----

void EmbeddedController::append_or_fail(const Records& records) {
  if (records.empty()) return;
  const auto appended = append_batch(records);
  flush_bell_.ring();
  if (!appended) note_failed_append(appended.error());
}

/// A full disk passes; a controller that cannot write for any other reason leads nothing any more.
void EmbeddedController::note_failed_append(const Error& why) {
  if (why.cause != Cause::kNoSpace) return fail_for_good(why);
  log_warn("cluster", "a metadata record waits for space: {}", why.context);
}

rt::Task<void> EmbeddedController::session_loop([[maybe_unused]] rt::Gate::Entry entry) {
  const rt::Duration interval = std::chrono::milliseconds(
      std::max<int64_t>(config_.settings.session_timeout_ms / kSessionChecks, 1));
  while (is_active_) {
    co_await rt::pause(home_, {.deadline = home_.clock().now() + interval, .cancel = &cancelled_});
    if (!is_active_) co_return;
    append_or_fail(controller_.fence_stale(monotonic_ms()));
  }
}

rt::Task<void> EmbeddedController::idle_loop([[maybe_unused]] rt::Gate::Entry entry) {
  while (is_active_) {
    const rt::Instant due = last_append_ + config_.max_idle_interval;
    const rt::Instant soonest = home_.clock().now() + config_.max_idle_interval / 4;
    co_await rt::pause(home_, {.deadline = std::max(due, soonest), .cancel = &cancelled_});
    if (!is_active_) co_return;
    const bool is_idle = home_.clock().now() - last_append_ >= config_.max_idle_interval;
    if (is_idle && controller_.has_other_nodes(config_.own_broker))
      append_or_fail({{gen::NoOpRecord{}, 0}});
  }
}

// ---- what followers ask ----

rt::Task<EmbeddedController::Fetched> EmbeddedController::fetch(quorum::FetchAsk ask,
                                                                FetchLimits limits) {
  Fetched fetched;
  fetched.verdict = quorum_.on_fetch(ask, runtime_.clock->unix_ms());
  if (fetched.verdict.kind == quorum::FetchVerdict::Kind::kRecords && log_ != nullptr) {
    const Offset wanted = std::min(ask.fetch_offset, limits.known_high_watermark);
    co_await wait_for(wanted,
                      {.deadline = home_.clock().now() + limits.max_wait, .cancel = limits.cancel});
    fetched.high_watermark = quorum_.high_watermark();
    fetched.log_start = log_->start();
    if (!is_active_) {
      fetched.verdict.kind = quorum::FetchVerdict::Kind::kError;
      fetched.verdict.error = ErrorCode::kNotLeaderOrFollower;
    } else if (ask.fetch_offset < fetched.log_start) {
      // The log's start passed it while it waited; an error would end a Java peer.
      fetched.verdict = quorum_.on_fetch(ask, runtime_.clock->unix_ms());
    } else if (ask.fetch_offset < fetched.high_watermark) {
      auto records = log_->read(ask.fetch_offset, limits.max_bytes, fetched.high_watermark);
      if (records)
        fetched.records = std::move(*records);
      else
        fetched.verdict = {quorum::FetchVerdict::Kind::kError, records.error().code, {}};
    }
  }
  co_return fetched;
}

Result<SnapshotPiece> EmbeddedController::fetch_snapshot(LeaderEpoch current_epoch,
                                                         quorum::LogPoint point, int64_t position,
                                                         size_t max_bytes) {
  if (!quorum_.is_leader()) return fail(ErrorCode::kNotLeaderOrFollower, "this node does not lead");
  if (current_epoch < quorum_.epoch()) return fail(ErrorCode::kFencedLeaderEpoch, "an older epoch");
  if (current_epoch > quorum_.epoch()) return fail(ErrorCode::kUnknownLeaderEpoch, "a newer epoch");
  return log_->read_snapshot_piece(point, position, max_bytes);
}

}  // namespace semel::cluster
