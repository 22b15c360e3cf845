#include "replica/partition.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "base/log.h"
#include "replica/batch_source.h"

namespace semel::replica {

bool LookupSlots::try_enter() {
  int32_t free = free_.load(std::memory_order_acquire);
  while (free > 0) {
    if (free_.compare_exchange_weak(free, free - 1, std::memory_order_acq_rel)) return true;
  }
  return false;
}

/// A change of role. Deletes itself when it was performed.
class Partition::Change final : public PartitionEntry {
 public:
  Change(std::shared_ptr<Partition> partition, rt::UniqueFunction<void(Partition&)> work)
      : partition_(std::move(partition)), work_(std::move(work)) {}
  void perform() override {
    work_(*partition_);
    delete this;
  }
  static void push(Partition& partition, rt::UniqueFunction<void(Partition&)> work) {
    const std::shared_ptr<Partition> alive = partition.shared_from_this();
    partition.put(*new Change(alive, std::move(work)));
  }

 private:
  std::shared_ptr<Partition> partition_;
  rt::UniqueFunction<void(Partition&)> work_;
};

Partition::Partition(const PartitionConfig& config, std::shared_ptr<log::Log> log,
                     log::Flusher& flusher, LookupSlots& lookup_slots, const rt::Runtime& runtime)
    : config_(config),
      log_(std::move(log)),
      text_(log_->name().to_text()),
      flusher_(flusher),
      lookup_slots_(lookup_slots),
      disk_(*runtime.disk),
      home_(*runtime.executors.front()),
      plants_(runtime.plants),
      combiner_(runtime.make_combiner(
          [this](rt::Combiner::Entry& queued) {
            auto& entry = static_cast<PartitionEntry&>(queued);
            if (!entry.is_append()) append_group();
            entry.perform();
          },
          [this] { append_group(); })) {
  set_role(kNoLeaderEpoch, false, ErrorCode::kNotLeaderOrFollower);
}

std::shared_ptr<Partition> Partition::make(const PartitionConfig& config,
                                           std::shared_ptr<log::Log> log, log::Flusher& flusher,
                                           LookupSlots& lookup_slots, const rt::Runtime& runtime) {
  std::shared_ptr<Partition> partition(
      new Partition(config, std::move(log), flusher, lookup_slots, runtime));
  partition->log_->set_listener(partition);
  return partition;
}

Partition::~Partition() { SEMEL_ASSERT(wait_for_commit_.empty() && wait_for_flush_.empty()); }

// ---- leadership ----

void Partition::set_role(LeaderEpoch epoch, bool leads, ErrorCode code) {
  const auto number = static_cast<uint16_t>(static_cast<int16_t>(code));
  role_.store(static_cast<uint64_t>(static_cast<uint32_t>(epoch.value)) << 32 |
                  (leads ? kLeads : 0) | number,
              std::memory_order_release);
}

void Partition::lead(Leadership leadership) {
  Change::push(*this, [leadership = std::move(leadership)](Partition& self) mutable {
    if (self.failure_ != ErrorCode::kNone) return;
    const bool is_new_epoch = !self.leads_ || self.leadership_.epoch != leadership.epoch;
    self.leadership_ = std::move(leadership);
    if (is_new_epoch) {
      const Offset end = self.log_->log_end();
      const auto noted = self.log_->assign_epoch_start(self.leadership_.epoch, end);
      if (!noted) {
        log_error("replica", "{} cannot be led: {}", self.name().to_text(), noted.error().context);
        self.leads_ = false;
        self.set_role(self.leadership_.epoch, false, ErrorCode::kKafkaStorageError);
        return;
      }
      self.epoch_start_.store(end.value, std::memory_order_release);
    }
    self.leads_ = true;
    self.set_role(self.leadership_.epoch, true, ErrorCode::kNone);
    // In class `ack` the first commit brings partition.metadata, before anything is acknowledged.
    const bool is_unflushed = self.is_ack_class() ? self.log_->flushed_end() < self.log_->log_end()
                                                  : self.log_->metadata_is_waiting();
    if (is_unflushed) self.flusher_.request(self.log_);
    self.advance();
    if (is_new_epoch) self.waiters_.notify(ReadWaiter::kSomethingElse);
  });
}

void Partition::resign(LeaderEpoch epoch) {
  Change::push(*this, [epoch](Partition& self) {
    if (self.failure_ != ErrorCode::kNone) return;
    self.leads_ = false;
    self.set_role(epoch, false, ErrorCode::kNotLeaderOrFollower);
    self.refuse_all(ErrorCode::kNotLeaderOrFollower);
    self.waiters_.notify(ReadWaiter::kSomethingElse);
  });
}

void Partition::fail(ErrorCode code) {
  Change::push(*this, [code](Partition& self) {
    self.failure_ = code;
    self.leads_ = false;
    self.set_role(self.leadership_.epoch, false, code);
    self.refuse_all(code);
    self.waiters_.notify(ReadWaiter::kSomethingElse);
  });
}

ErrorCode Partition::check_leadership(LeaderEpoch expected) const {
  const uint64_t role = role_.load(std::memory_order_acquire);
  if (expected != kNoLeaderEpoch && expected != epoch_of(role)) {
    return expected < epoch_of(role) ? ErrorCode::kFencedLeaderEpoch
                                     : ErrorCode::kUnknownLeaderEpoch;
  }
  if ((role & kLeads) != 0) return ErrorCode::kNone;
  return static_cast<ErrorCode>(static_cast<int16_t>(role & 0xffff));
}

bool Partition::is_ack_class() const {
  if (rt::is_planted(plants_, &rt::Plants::ack_before_flush)) return false;
  if (config_.flush == FlushPolicy::kAck || leadership_.flush_messages == 1) return true;
  if (config_.flush == FlushPolicy::kOs) return false;
  return leadership_.isr.size() <= 1;
}

// ---- appending ----

// Race: an entry that was queued before the directory became slow may still be drained on a
// reactor, and entries behind it with it; that is one more stall, not a wrong order.
void Partition::put(PartitionEntry& entry) {
  combiner_->enqueue(entry);
  drain();
}

void Partition::drain() {
  const std::shared_ptr<Partition> alive = shared_from_this();
  log::AppendPace* pace = log_->append_pace();
  if (pace == nullptr || !pace->is_slow()) return combiner_->drain();
  pace->note_moved();
  disk_.run_blocking([alive] { alive->combiner_->drain(); }, home_, [] {});
}

void Partition::enqueue(AppendOp& op) {
  op.outstanding_.store(2, std::memory_order_relaxed);
  op.needs_look_up = false;
  combiner_->enqueue(op);
}

bool Partition::push(AppendOp& op) {
  const std::shared_ptr<Partition> alive = op.partition;
  enqueue(op);
  drain();
  return submitted(op);
}

bool Partition::submit(AppendOp& op) {
  op.was_looked_up_ = false;
  return push(op);
}

bool Partition::resume(AppendOp& op) {
  SEMEL_ASSERT(op.needs_look_up);
  op.was_looked_up_ = true;
  return push(op);
}

void Partition::expire(AppendOp& op) {
  const std::shared_ptr<Partition> alive = op.partition;
  int32_t outstanding = op.outstanding_.load(std::memory_order_acquire);
  while (outstanding > 0) {
    if (!op.outstanding_.compare_exchange_weak(outstanding, outstanding + 1,
                                               std::memory_order_acq_rel))
      continue;
    put(op.expiry_);
    return;
  }
}

/// Puts the op behind those that wait to be written, or answers it.
void Partition::append(AppendOp& op) {
  op.outcome.log_start = log_->log_start();
  if (!may_append(op)) return;
  op.identity_ = op.identity();
  if (op.was_looked_up_) {
    op.was_looked_up_ = false;
    if (op.was_found_out_)
      return answer_refused(op, log_->settle(op.identity_, op.decision_, op.found_));
    op.decision_.reason = log::Reason::kLookupBusy;
    return refuse(op, log::code_of(op.decision_.reason), log::explain(op.decision_, op.identity_));
  }
  log::LeaderBatch& batch = op.leader_batch_;
  batch.bytes = op.verdict.batch;
  batch.how.leader_epoch = leadership_.epoch;
  batch.how.identity = op.verdict.facts.has_producer_id() ? &op.identity_ : nullptr;
  batch.how.verdict = op.verdict.standing == record::ProduceVerdict::Standing::kAccepted
                          ? nullptr
                          : &op.verdict.error;
  batch.how.stamp_append_time = op.stamps_append_time;
  op.next_in_group_ = nullptr;
  (group_first_ == nullptr ? group_first_ : group_last_->next_in_group_) = &op;
  group_last_ = &op;
}

/// False: it is refused.
bool Partition::may_append(AppendOp& op) {
  ErrorCode code = ErrorCode::kNone;
  std::string message;
  if (!leads_) {
    code = failure_ != ErrorCode::kNone ? failure_ : ErrorCode::kNotLeaderOrFollower;
  } else if (op.expected_epoch != kNoLeaderEpoch && op.expected_epoch != leadership_.epoch) {
    code = ErrorCode::kNotLeaderOrFollower;
  } else if (op.acks == -1 && static_cast<int32_t>(leadership_.isr.size()) < leadership_.isr_min) {
    code = ErrorCode::kNotEnoughReplicas;
    message = fmt::format(
        "The size of the current ISR is insufficient to satisfy the min.isr "
        "requirement of {} for partition {}.",
        leadership_.isr_min, name().to_text());
  }
  if (code != ErrorCode::kNone) refuse(op, code, std::move(message));
  return code == ErrorCode::kNone;
}

void Partition::append_group() {
  while (group_first_ != nullptr) {
    std::array<log::LeaderBatch*, log::LeaderGroup::kBatchesMax> batches;
    size_t count = 0;
    for (AppendOp* op = group_first_; op != nullptr && count < batches.size();
         op = op->next_in_group_)
      batches[count++] = &op->leader_batch_;
    const size_t handled = log_->append_as_leader(std::span(batches.data(), count));
    AppendOp* first = group_first_;
    int64_t bytes = 0;
    for (size_t i = 0; i < handled; ++i) {
      const auto& result = batches[i]->result;
      if (result && result->decision.verdict == log::Verdict::kAppend)
        bytes += static_cast<int64_t>(batches[i]->bytes.size());
      group_first_ = group_first_->next_in_group_;
    }
    if (bytes > 0) {
      bytes_since_notice_ += bytes;
      if (is_ack_class() || log_->log_end() - log_->flushed_end() >= leadership_.flush_messages)
        flusher_.request(log_);
      advance();
    }
    for (size_t i = 0; i < handled; ++i) conclude(*std::exchange(first, first->next_in_group_));
  }
}

void Partition::conclude(AppendOp& op) {
  Result<log::LeaderAppended>& appended = op.leader_batch_.result;
  if (!appended) {
    if (rt::is_planted(plants_, &rt::Plants::answer_failed_append)) {
      op.outcome.base_offset = log_->log_end();
      return settle(op);
    }
    return refuse(op, appended.error().code, appended.error().context);
  }
  if (appended->decision.verdict != log::Verdict::kAppend)
    return answer_refused(op, appended->decision);
  op.outcome.base_offset = appended->appended.base_offset;
  op.outcome.append_time_ms = appended->appended.append_time_ms;
  op.outcome.log_start = appended->appended.log_start;
  op.records = {};
  await_ack(op, appended->appended.last_offset + 1);
}

void Partition::answer_refused(AppendOp& op, const log::Decision& decision) {
  switch (decision.verdict) {
    case log::Verdict::kDuplicate:
      op.outcome.base_offset = decision.first_offset;
      if (rt::is_planted(plants_, &rt::Plants::wrong_duplicate_offset))
        op.outcome.base_offset = decision.last_offset + 1;
      op.outcome.append_time_ms = decision.timestamp_ms;
      op.records = {};
      if (rt::is_planted(plants_, &rt::Plants::answer_duplicate_early)) return settle(op);
      return await_ack(op, decision.last_offset + 1);
    case log::Verdict::kCompare:
    case log::Verdict::kLookUp:
      op.decision_ = decision;
      op.needs_look_up = true;
      return settle(op);
    case log::Verdict::kRefuse:
    case log::Verdict::kAppend:
      break;
  }
  refuse(op, log::code_of(decision.reason), log::explain(decision, op.identity()));
}

void Partition::await_ack(AppendOp& op, Offset required_end) {
  op.required_end_ = required_end;
  if (op.acks == -1) {
    if (log_->high_watermark() >= required_end) return settle(op);
    return wait_for_commit_.insert(op);
  }
  if (op.acks == 0 || !is_ack_class() || log_->flushed_end() >= required_end) return settle(op);
  // A duplicate of a batch that was stored before the class became `ack`.
  flusher_.request(log_);
  wait_for_flush_.insert(op);
}

void Partition::settle(AppendOp& op) { op.leave(); }

void Partition::refuse(AppendOp& op, ErrorCode code, std::string message) {
  op.outcome.code = code;
  op.outcome.message = std::move(message);
  op.outcome.base_offset = kNoOffset;
  op.outcome.append_time_ms = -1;
  settle(op);
}

void Partition::refuse_all(ErrorCode code) {
  while (AppendOp* op = wait_for_commit_.take()) refuse(*op, code);
  while (AppendOp* op = wait_for_flush_.take()) refuse(*op, code);
}

Offset Partition::committed_end() const {
  // The end that this replica vouches for; what other members of the ISR hold is not known here, so
  // with any of them nothing new is committed.
  const bool is_alone =
      std::ranges::all_of(leadership_.isr, [this](BrokerId id) { return id == config_.self; });
  if (!is_alone) return log_->high_watermark();
  return is_ack_class() ? log_->flushed_end() : log_->log_end();
}

void Partition::advance() {
  if (!leads_) return;
  const Offset end = committed_end();
  if (end > log_->high_watermark()) {
    log_->set_high_watermark(end);
    while (AppendOp* op = wait_for_commit_.take_up_to(end)) settle(*op);
    waiters_.notify(std::exchange(bytes_since_notice_, 0));
  }
  if (wait_for_flush_.empty()) return;
  const Offset flushed = is_ack_class() ? log_->flushed_end() : log_->log_end();
  while (AppendOp* op = wait_for_flush_.take_up_to(flushed)) settle(*op);
}

void Partition::on_flushed(Offset) {
  if (flush_news_is_out_.exchange(true, std::memory_order_acq_rel)) return;
  const std::shared_ptr<Partition> alive = weak_from_this().lock();
  if (alive != nullptr) put(flush_news_);
}

void Partition::FlushNews::perform() {
  partition.flush_news_is_out_.store(false, std::memory_order_release);
  partition.advance();
}

void Partition::look_up(AppendOp& op) {
  op.was_found_out_ = false;
  if (look_up_runs_.exchange(true, std::memory_order_acq_rel)) return;
  if (lookup_slots_.try_enter()) {
    LogBatchSource source(*log_);
    const log::BatchIdentity identity = op.identity();
    const log::Decision& asked = op.decision_;
    const auto found =
        asked.verdict == log::Verdict::kCompare
            ? log::compare_with_stored(source, identity, op.records, asked.last_offset)
            : log::look_up(source, identity, op.records, {asked.first_offset, asked.last_offset},
                           config_.lookup_bytes_max);
    op.was_found_out_ = found.has_value();
    if (found) op.found_ = *found;
    // Of damage the log has told. The answer stays retriable, until the producer gives the batch
    // up: a final one would make some producers send under a new epoch what is perhaps stored.
    else if (found.error().code != ErrorCode::kCorruptMessage)
      log_warn("replica", "{}: a re-sent batch could not be looked up: {}", name().to_text(),
               found.error().context);
    lookup_slots_.leave();
  }
  look_up_runs_.store(false, std::memory_order_release);
}

// ---- reading ----

Offset Partition::last_stable() const {
  return std::min(log_->first_unstable(), log_->high_watermark());
}

PartitionOffsets Partition::offsets() const {
  PartitionOffsets offsets;
  offsets.log_start = log_->log_start();
  offsets.last_stable = last_stable();
  offsets.high_watermark = log_->high_watermark();
  offsets.log_end = log_->log_end();
  return offsets;
}

ReadAnswer Partition::read(const ReadQuery& query) const {
  ReadAnswer answer;
  answer.code = check_leadership(query.current_epoch);
  if (answer.code != ErrorCode::kNone) return answer;
  const PartitionOffsets now = offsets();
  if (query.last_fetched_epoch != kNoLeaderEpoch) {
    const log::EpochEndOffset end = log_->end_offset_for_epoch(query.last_fetched_epoch);
    if (end.epoch == kNoLeaderEpoch || end.end_offset == kNoOffset) {
      answer.code = ErrorCode::kOffsetOutOfRange;
      return answer;
    }
    if (end.epoch < query.last_fetched_epoch || end.end_offset < query.from) answer.diverging = end;
  }
  if (query.from < now.log_start || query.from > now.log_end) {
    answer.code = ErrorCode::kOffsetOutOfRange;
    return answer;
  }
  answer.high_watermark = now.high_watermark;
  answer.last_stable = now.last_stable;
  answer.log_start = now.log_start;
  Offset limit = query.isolation == Isolation::kCommitted ? now.last_stable : now.high_watermark;
  if (rt::is_planted(plants_, &rt::Plants::read_uncommitted_end)) limit = now.log_end;
  if (answer.diverging || query.from >= limit || query.bytes_max < 0) return answer;

  const auto slice =
      log_->read(query.from, static_cast<size_t>(query.bytes_max), limit, query.at_least_one);
  if (!slice) {
    answer = {};
    answer.code = slice.error().code;
    return answer;
  }
  // KIP-74: clients that get a piece of a batch and nothing else take the broker for broken.
  if (slice->first_is_cut) return answer;
  answer.range = slice->range;
  answer.is_fresh = slice->is_fresh;
  if (query.isolation == Isolation::kCommitted && answer.range.size > 0) {
    auto aborted = log_->aborted_transactions(query.from, limit);
    if (aborted)
      answer.aborted = std::move(*aborted);
    else
      answer.code = aborted.error().code;
  }
  return answer;
}

Result<Offset> Partition::latest_offset(Isolation isolation, LeaderEpoch current_epoch) const {
  const ErrorCode code = check_leadership(current_epoch);
  if (code != ErrorCode::kNone) return semel::fail(code);
  const PartitionOffsets now = offsets();
  if (now.high_watermark.value < epoch_start_.load(std::memory_order_acquire))
    return semel::fail(ErrorCode::kOffsetNotAvailable);
  return isolation == Isolation::kCommitted ? now.last_stable : now.high_watermark;
}

Result<log::TimestampAndOffset> Partition::offset_for_timestamp(int64_t timestamp,
                                                                Isolation isolation) const {
  const PartitionOffsets now = offsets();
  return log_->offset_for_timestamp(
      timestamp, isolation == Isolation::kCommitted ? now.last_stable : now.high_watermark);
}

}  // namespace semel::replica
