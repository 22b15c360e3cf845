#include "cluster/partition_change.h"

#include <algorithm>

#include "cluster/partition_record.h"

namespace semel::cluster {
namespace {

using Brokers = std::vector<BrokerId>;

bool contains(const Brokers& brokers, BrokerId broker) {
  return std::ranges::find(brokers, broker) != brokers.end();
}
bool contains_all(const Brokers& brokers, const Brokers& wanted) {
  return std::ranges::all_of(wanted, [&](BrokerId broker) { return contains(brokers, broker); });
}
Brokers without(const Brokers& brokers, const Brokers& gone) {
  Brokers rest;
  for (const BrokerId broker : brokers)
    if (!contains(gone, broker)) rest.push_back(broker);
  return rest;
}

}  // namespace

PartitionChange::PartitionChange(const TopicId& topic, int32_t index,
                                 const PartitionRegistration& partition, Rules rules)
    : topic_(topic),
      index_(index),
      partition_(partition),
      rules_(std::move(rules)),
      isr_(partition.isr),
      replicas_(partition.replicas),
      removing_(partition.removing_replicas),
      adding_(partition.adding_replicas),
      elr_(partition.elr),
      recovery_(partition.recovery_state) {}

PartitionChange& PartitionChange::set_isr(Brokers isr) {
  isr_ = std::move(isr);
  return *this;
}
PartitionChange& PartitionChange::set_recovery_state(LeaderRecoveryState state) {
  recovery_ = state;
  return *this;
}
PartitionChange& PartitionChange::set_directory(BrokerId broker, const DirectoryId& directory) {
  moved_.emplace(broker, directory);
  return *this;
}
PartitionChange& PartitionChange::set_unclean_shutdown(BrokerId broker) {
  unclean_ = {broker};
  return *this;
}

std::optional<VersionedRecord> PartitionChange::build() {
  gen::PartitionChangeRecord record;
  record.partition_id = index_;
  record.topic_id = topic_;
  complete_reassignment();
  choose_elr();
  elect_into(record);
  const bool may_be_empty = rules_.has_elr;
  if (record.isr.is_null() && (!isr_.empty() || may_be_empty) && isr_ != partition_.isr)
    put_brokers(isr_, record.isr);
  bump_epoch_if_needed(record);
  put_elr(record);
  put_last_known_leader(record);
  put_assignment(record);
  if (record.leader_recovery_state == -1 && recovery_ != partition_.recovery_state)
    record.leader_recovery_state = static_cast<int8_t>(recovery_);
  gen::PartitionChangeRecord nothing;
  nothing.partition_id = index_;
  nothing.topic_id = topic_;
  if (record == nothing) return std::nullopt;
  return VersionedRecord{std::move(record), rules_.version.partition_change_record()};
}

void PartitionChange::complete_reassignment() {
  if (removing_.empty() && adding_.empty()) return;
  const Brokers isr = without(isr_, removing_);
  const Brokers replicas = without(replicas_, removing_);
  if (isr.empty() || replicas.empty() || !contains_all(isr_, adding_)) return;
  isr_ = isr;
  replicas_ = replicas;
  removing_.clear();
  adding_.clear();
}

void PartitionChange::choose_elr() {
  if (!rules_.has_elr) return;
  const auto wanted =
      std::min<int64_t>(rules_.min_insync_replicas, static_cast<int64_t>(replicas_.size()));
  if (static_cast<int64_t>(isr_.size()) >= wanted) {
    elr_.clear();
    return;
  }
  Brokers candidates = partition_.elr;
  for (const BrokerId broker : partition_.isr)
    if (!contains(candidates, broker)) candidates.push_back(broker);
  elr_ = without(without(candidates, isr_), unclean_);
}

bool PartitionChange::is_valid_leader(BrokerId broker) const {
  const bool is_in_sync = contains(isr_, broker) || (rules_.has_elr && contains(elr_, broker));
  return is_in_sync && rules_.is_live(broker);
}

bool PartitionChange::can_elect_last_known_leader() const {
  return rules_.has_elr && isr_.empty() && elr_.empty() && partition_.last_known_elr.size() == 1 &&
         rules_.is_live(partition_.last_known_elr.front());
}

PartitionChange::Elected PartitionChange::elect_preferred() const {
  const BrokerId preferred = replicas_.empty() ? kNoBroker : replicas_.front();
  if (is_valid_leader(preferred)) return {preferred};
  if (is_valid_leader(partition_.leader)) return {partition_.leader};
  const auto at = std::ranges::find_if(replicas_, [&](BrokerId b) { return is_valid_leader(b); });
  return {at == replicas_.end() ? kNoBroker : *at};
}

PartitionChange::Elected PartitionChange::elect_online() const {
  if (is_valid_leader(partition_.leader)) return {partition_.leader};
  const auto valid =
      std::ranges::find_if(replicas_, [&](BrokerId b) { return is_valid_leader(b); });
  if (valid != replicas_.end()) return {*valid};
  if (can_elect_last_known_leader()) return {partition_.last_known_elr.front(), true};
  if (rules_.election == Election::kUnclean) {
    const auto live =
        std::ranges::find_if(replicas_, [&](BrokerId b) { return rules_.is_live(b); });
    if (live != replicas_.end()) return {*live, true};
  }
  return {kNoBroker};
}

PartitionChange::Elected PartitionChange::elect() const {
  return rules_.election == Election::kPreferred ? elect_preferred() : elect_online();
}

void PartitionChange::elect_into(gen::PartitionChangeRecord& record) const {
  const Elected elected = elect();
  if (elected.leader != partition_.leader) record.leader = elected.leader.value;
  if (elected.leader == partition_.leader) return;
  if (elected.is_unclean) {
    put_brokers({elected.leader}, record.isr);
    if (partition_.recovery_state != LeaderRecoveryState::kRecovering)
      record.leader_recovery_state = static_cast<int8_t>(LeaderRecoveryState::kRecovering);
  } else if (elected.leader != kNoBroker && isr_.empty()) {
    // Elected from the ELR: the leader is the whole ISR.
    put_brokers({elected.leader}, record.isr);
  }
}

void PartitionChange::bump_epoch_if_needed(gen::PartitionChangeRecord& record) const {
  if (record.leader != kLeaderUnchanged) return;
  const bool lost_replicas = !contains_all(replicas_, partition_.replicas);
  const bool isr_shrank = !record.isr.is_null() && !contains_all(isr_, partition_.isr);
  if (lost_replicas || (isr_shrank && rules_.version.has_leader_epoch_bump_on_isr_shrink()))
    record.leader = partition_.leader.value;
}

void PartitionChange::put_elr(gen::PartitionChangeRecord& record) const {
  if (!rules_.has_elr) return;
  Brokers elr = elr_;
  // Who was elected into the ISR above leaves the ELR.
  if (!record.isr.is_null()) elr = without(elr, to_brokers(record.isr));
  if (elr != partition_.elr) put_brokers(elr, record.eligible_leader_replicas);
}

void PartitionChange::put_last_known_leader(gen::PartitionChangeRecord& record) const {
  if (!rules_.has_elr) return;
  const Brokers& last = partition_.last_known_elr;
  const bool isr_is_gone = !record.isr.is_null() && record.isr.empty();
  if (isr_is_gone && !(last.size() == 1 && last.front() == partition_.leader)) {
    put_brokers({partition_.leader}, record.last_known_elr);
  } else if (!last.empty() &&
             (record.leader >= 0 || (partition_.has_leader() && record.leader != -1))) {
    put_brokers({}, record.last_known_elr);
  }
}

void PartitionChange::put_assignment(gen::PartitionChangeRecord& record) const {
  if (replicas_ != partition_.replicas) put_brokers(replicas_, record.replicas);
  put_directories(record);
  if (removing_ != partition_.removing_replicas) put_brokers(removing_, record.removing_replicas);
  if (adding_ != partition_.adding_replicas) put_brokers(adding_, record.adding_replicas);
}

void PartitionChange::put_directories(gen::PartitionChangeRecord& record) const {
  const bool is_moved = moved_ && partition_.directory_of(moved_->first) != moved_->second;
  if (!rules_.version.has_directory_assignment() || (replicas_ == partition_.replicas && !is_moved))
    return;
  record.directories.clear();
  for (const BrokerId broker : replicas_) {
    const DirectoryId known =
        partition_.has_replica(broker) ? partition_.directory_of(broker) : kDirectoryUnassigned;
    record.directories.push_back(is_moved && broker == moved_->first ? moved_->second : known);
  }
}

}  // namespace semel::cluster
