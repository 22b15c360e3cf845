#include "api/broker/fetch_session.h"

namespace semel::api::broker {

void FetchSession::update(const FetchTarget& target) {
  if (const auto at = by_partition_.find(target); at != by_partition_.end()) {
    (*at)->target = target;
    return;
  }
  by_partition_.insert(members_.insert(members_.end(), Member{target, {}}));
  total_->fetch_add(1, std::memory_order_relaxed);
}

void FetchSession::forget(const FetchTarget& target) {
  const auto at = by_partition_.find(target);
  if (at == by_partition_.end()) return;
  const Members::iterator member = *at;
  by_partition_.erase(at);
  members_.erase(member);
  total_->fetch_sub(1, std::memory_order_relaxed);
}

bool FetchSession::change(std::span<const FetchTarget> updated,
                          std::span<const FetchTarget> forgotten) {
  for (const FetchTarget& target : updated) update(target);
  for (const FetchTarget& target : forgotten) forget(target);
  return size() <= FetchSessionCache::kPartitionsMax &&
         total_->load(std::memory_order_relaxed) <= FetchSessionCache::kTotalMax;
}

bool FetchSession::note(const FetchTarget& target, const FetchTold& told, bool has_data) {
  const auto at = by_partition_.find(target);
  if (at == by_partition_.end()) return true;
  Member& member = **at;
  const bool is_news = has_data || told.was_error || member.told.was_error ||
                       told.high_watermark != member.told.high_watermark ||
                       told.log_start != member.told.log_start;
  member.told = told;
  if (has_data) members_.splice(members_.end(), members_, *at);
  return is_news;
}

SharedSession FetchSessionCache::find(int32_t id) {
  const rt::Instant now = clock_.now();
  auto sessions = sessions_.lock();
  const auto at = sessions->find(id);
  if (at == sessions->end()) return nullptr;
  at->second.used = now;
  return at->second.session;
}

void FetchSessionCache::remove(int32_t id) { sessions_.lock()->erase(id); }

size_t FetchSessionCache::partitions_of(int32_t id) {
  SharedSession session;
  {
    auto sessions = sessions_.lock();
    if (const auto at = sessions->find(id); at != sessions->end()) session = at->second.session;
  }
  return session == nullptr ? 0 : session->with([](const FetchSession& s) { return s.size(); });
}

size_t FetchSessionCache::size() { return sessions_.lock()->size(); }

SharedSession FetchSessionCache::create(bool uses_topic_ids, bool is_privileged,
                                        std::span<const FetchTarget> targets) {
  if (targets.empty() || targets.size() > kPartitionsMax) return nullptr;
  const rt::Instant now = clock_.now();
  auto sessions = sessions_.lock();
  if (!make_place(*sessions, targets.size(), is_privileged, now)) return nullptr;
  int32_t id = 0;
  while (id == 0 || sessions->contains(id)) id = static_cast<int32_t>(random_.next() & 0x7fffffff);
  FetchSession session(id, uses_topic_ids, is_privileged, total_);
  for (const FetchTarget& target : targets) session.update(target);
  auto shared = std::make_shared<rt::Guarded<FetchSession>>(std::move(session));
  sessions->emplace(id, Slot{shared, targets.size(), is_privileged, now, now});
  return shared;
}

bool FetchSessionCache::make_place(Slots& slots, size_t partitions, bool is_privileged,
                                   rt::Instant now) {
  const auto has_room = [&] {
    return slots.size() < slots_ &&
           total_->load(std::memory_order_relaxed) + partitions <= kTotalMax;
  };
  while (!has_room()) {
    if (!evict_one(slots, partitions, is_privileged, now)) return false;
  }
  return true;
}

bool FetchSessionCache::evict_one(Slots& slots, size_t partitions, bool is_privileged,
                                  rt::Instant now) {
  auto victim = slots.end();
  for (auto at = slots.begin(); at != slots.end(); ++at) {
    const Slot& slot = at->second;
    const bool is_stale = now - slot.used > kProtected;
    const bool outranked = is_privileged && !slot.is_privileged;
    const bool outgrown = slot.is_privileged == is_privileged && slot.partitions < partitions &&
                          now - slot.created > kProtected;
    if (!is_stale && !outranked && !outgrown) continue;
    if (victim == slots.end() || slot.used < victim->second.used) victim = at;
  }
  if (victim == slots.end()) return false;
  slots.erase(victim);
  return true;
}

}  // namespace semel::api::broker
