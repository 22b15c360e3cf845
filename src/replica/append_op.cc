#include "replica/append_op.h"

#include "base/assert.h"
#include "replica/partition.h"

namespace semel::replica {

void AppendOp::clear() {
  SEMEL_ASSERT(outstanding_.load(std::memory_order_acquire) == 0 && list_ == nullptr);
  partition.reset();
  if (!verdict.rebuilt.empty()) verdict.rebuilt = {};
  verdict.batch = {};
  verdict.record_errors.clear();
  records = {};
  acks = -1;
  expected_epoch = kNoLeaderEpoch;
  stamps_append_time = false;
  needs_look_up = false;
  outcome.code = ErrorCode::kNone;
  outcome.message.clear();
  outcome.base_offset = kNoOffset;
  outcome.append_time_ms = -1;
  outcome.log_start = kNoOffset;
  was_looked_up_ = false;
}

log::BatchIdentity AppendOp::identity() const {
  const record::BatchFacts& facts = verdict.facts;
  log::BatchIdentity identity;
  identity.producer_id = facts.producer_id;
  identity.epoch = facts.producer_epoch;
  identity.base_sequence = facts.base_sequence;
  identity.last_offset_delta = facts.last_offset_delta;
  identity.crc = facts.crc;
  identity.is_transactional = facts.is_transactional;
  return identity;
}

void AppendOp::perform() { partition->append(*this); }

void AppendOp::leave() {
  if (let_go()) executor->post(news_);
}

void AppendOp::Expiry::perform() {
  if (op.list_ != nullptr) {
    op.list_->remove(op);
    op.partition->refuse(op, ErrorCode::kRequestTimedOut);
  }
  op.leave();
}

void AckList::insert(AppendOp& op) {
  AppendOp* before = last_;
  while (before != nullptr && before->required_end_ > op.required_end_) before = before->previous_;
  op.list_ = this;
  op.previous_ = before;
  op.next_waiting_ = before != nullptr ? before->next_waiting_ : first_;
  (before != nullptr ? before->next_waiting_ : first_) = &op;
  (op.next_waiting_ != nullptr ? op.next_waiting_->previous_ : last_) = &op;
}

void AckList::remove(AppendOp& op) {
  SEMEL_ASSERT(op.list_ == this);
  (op.previous_ != nullptr ? op.previous_->next_waiting_ : first_) = op.next_waiting_;
  (op.next_waiting_ != nullptr ? op.next_waiting_->previous_ : last_) = op.previous_;
  op.list_ = nullptr;
  op.previous_ = nullptr;
  op.next_waiting_ = nullptr;
}

AppendOp* AckList::take_up_to(Offset end) {
  if (first_ == nullptr || first_->required_end_ > end) return nullptr;
  return take();
}

AppendOp* AckList::take() {
  AppendOp* op = first_;
  if (op != nullptr) remove(*op);
  return op;
}

}  // namespace semel::replica
