// ReadyList: who may do something, and when; kept per lane. Whoever has nothing to do is not in it,
// so that walking it costs by what is due and not by how many there are.
//
// Contract: `Member` has a `ReadySlot slot` whose number never changes; it is taken out before it
// dies. Equal times are ordered by number: the same history gives the same order.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <vector>

#include "rt/wait.h"

namespace semel::client {

struct ReadySlot {
  uint64_t number = 0;
  int32_t lane = 0;
  rt::Instant due{0};
  bool is_listed = false;
};

template <class Member>
class ReadyList {
 public:
  /// Puts it in, or moves it to where it belongs now.
  void place(Member& member, int32_t lane, rt::Instant due) {
    ReadySlot& slot = member.slot;
    if (slot.is_listed && slot.lane == lane && slot.due == due) return;
    remove(member);
    slot.lane = lane;
    slot.due = due;
    slot.is_listed = true;
    lanes_[lane].emplace(Key{due, slot.number}, &member);
  }

  void remove(Member& member) {
    ReadySlot& slot = member.slot;
    if (!slot.is_listed) return;
    slot.is_listed = false;
    const auto lane = lanes_.find(slot.lane);
    lane->second.erase(Key{slot.due, slot.number});
    if (lane->second.empty()) lanes_.erase(lane);
  }

  /// Lanes with somebody who is due, in order.
  std::vector<int32_t> due_lanes(rt::Instant now) const {
    std::vector<int32_t> due;
    for (const auto& [lane, members] : lanes_)
      if (members.begin()->first.first <= now) due.push_back(lane);
    return due;
  }

  /// Visits who is due in `lane`, the longest waiting first, until `visit` says false; it changes
  /// nothing in the list.
  template <class Visit>
  void visit_due(int32_t lane, rt::Instant now, Visit visit) const {
    const auto at = lanes_.find(lane);
    if (at == lanes_.end()) return;
    for (const auto& [key, member] : at->second)
      if (key.first > now || !visit(*member)) return;
  }

  /// When the next becomes due; rt::kNever if nobody will.
  rt::Instant next_after(rt::Instant now) const {
    rt::Instant next = rt::kNever;
    for (const auto& [lane, members] : lanes_) {
      const auto at = members.upper_bound(Key{now, std::numeric_limits<uint64_t>::max()});
      if (at != members.end()) next = std::min(next, at->first.first);
    }
    return next;
  }

  std::vector<Member*> members() const {
    std::vector<Member*> all;
    for (const auto& [lane, members] : lanes_)
      for (const auto& [key, member] : members) all.push_back(member);
    return all;
  }

 private:
  using Key = std::pair<rt::Instant, uint64_t>;
  std::map<int32_t, std::map<Key, Member*>> lanes_;  // none empty
};

}  // namespace semel::client
