#include "history.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/assert.h"

namespace semel::sim {

namespace {

/// Enough to see the pattern; more would hide it.
constexpr size_t kFindingsPerKind = 5;

void report(std::vector<Violation>& findings, std::string_view kind, std::string text) {
  const auto same = std::count_if(findings.begin(), findings.end(),
                                  [kind](const Violation& v) { return v.kind == kind; });
  if (static_cast<size_t>(same) < kFindingsPerKind)
    findings.push_back({std::string(kind), std::move(text)});
}

}  // namespace

std::string RecordKey::to_text() const {
  return fmt::format("record {} of producer {} in partition {}", number, producer, partition);
}

void History::sent(const RecordKey& key, Time at) {
  const bool is_new = sends_.emplace(key, Send{.sent_at = at}).second;
  SEMEL_ASSERT(is_new, "a record is sent first once");
}

void History::acked(const RecordKey& key, Offset offset, Time at) {
  Send& send = sends_.at(key);
  if (send.fate == Fate::kAcked) {
    if (send.offset != offset)
      complain("two answers", fmt::format("{} was acknowledged at offset {} and at {}",
                                          key.to_text(), send.offset.value, offset.value));
    return;
  }
  if (send.fate == Fate::kFailed)
    complain("two answers", fmt::format("{} was refused and acknowledged", key.to_text()));
  send.fate = Fate::kAcked;
  send.offset = offset;
  send.told_at = at;
  ++acked_;
}

void History::stored(const RecordKey& key, Time at) {
  Send& send = sends_.at(key);
  if (send.fate != Fate::kUnknown) return;
  send.fate = Fate::kStored;
  send.told_at = at;
}

void History::failed(const RecordKey& key, Time at) {
  Send& send = sends_.at(key);
  if (send.fate == Fate::kAcked)
    complain("two answers", fmt::format("{} was acknowledged and refused", key.to_text()));
  send.fate = Fate::kFailed;
  send.told_at = at;
}

void History::read(const RecordKey& key, Offset offset, Time asked_at) {
  check_rot(key, offset);
  reads_.push_back({key, offset, asked_at});
}

void History::rots(const RecordKey& key, Offset offset) {
  rotten_[key.partition].emplace(offset.value, key);
}

bool History::is_rotten(uint16_t partition, Offset offset) const {
  const auto found = rotten_.find(partition);
  return found != rotten_.end() && found->second.contains(offset.value);
}

void History::check_rot(const RecordKey& key, Offset offset) {
  const auto partition = rotten_.find(key.partition);
  if (partition == rotten_.end()) return;
  const auto found = partition->second.find(offset.value);
  if (found != partition->second.end() && found->second != key)
    complain("rot served",
             fmt::format("offset {} of partition {} held {} and reads as {}", offset.value,
                         key.partition, found->second.to_text(), key.to_text()));
}

void History::took_producer_id(ProducerId id, uint16_t producer) {
  const auto [place, is_new] = producer_ids_.emplace(id, producer);
  if (!is_new)
    complain("producer id twice", fmt::format("pid {} went to producer {} and to {}", id.value,
                                              place->second, producer));
}

void History::final_record(const RecordKey& key, Offset offset) {
  check_rot(key, offset);
  const auto [place, is_new] = content_[key.partition].records.emplace(offset.value, key);
  if (!is_new)
    complain("offset twice",
             fmt::format("partition {} has offset {} twice: {} and {}", key.partition, offset.value,
                         place->second.to_text(), key.to_text()));
}

void History::final_range(uint16_t partition, Offset start, Offset end) {
  Content& content = content_[partition];
  content.start = start;
  content.end = end;
  // What rotted is there for the judgement, whether it could be read or not.
  const auto rotten = rotten_.find(partition);
  if (rotten == rotten_.end()) return;
  for (const auto& [offset, key] : rotten->second)
    if (offset >= start.value && offset < end.value) content.records.emplace(offset, key);
}

void History::complain(std::string kind, std::string text) {
  report(complaints_, kind, std::move(text));
}

void History::judge_content(Findings& findings) const {
  for (const auto& [partition, content] : content_) {
    int64_t expected = content.start.value;
    for (const auto& [offset, key] : content.records) {
      if (offset != expected)
        report(
            findings, "hole",
            fmt::format("partition {}: after offset {} comes {}", partition, expected - 1, offset));
      expected = offset + 1;
      if (key.partition != partition)
        report(findings, "stranger",
               fmt::format("{} lies in partition {}", key.to_text(), partition));
    }
    if (expected != content.end.value)
      report(findings, "hole",
             fmt::format("partition {} ends at {}, its last record was {}", partition,
                         content.end.value, expected - 1));
  }
}

void History::judge_sends(const Terms& terms, const Places& places, Findings& findings) const {
  for (const auto& [key, offsets] : places) {
    if (!sends_.contains(key))
      report(findings, "invented", fmt::format("{} was never sent", key.to_text()));
    if (offsets.size() > 1 && promise_of(key.producer).stores_once)
      report(findings, "duplicate",
             fmt::format("{} is stored at {} and {}", key.to_text(), offsets[0], offsets[1]));
  }
  for (const auto& [key, send] : sends_) {
    const auto place = places.find(key);
    const bool is_there = place != places.end();
    if (send.fate == Fate::kFailed && is_there)
      report(findings, "refused but stored",
             fmt::format("{} is stored at {}", key.to_text(), place->second[0]));
    if (send.fate != Fate::kAcked && send.fate != Fate::kStored) continue;
    if (!is_there && !promise_of(key.producer).loses_nothing) continue;
    if (!is_there) {
      if (!may_be_lost(send.sent_at, terms))
        report(findings, "lost",
               fmt::format("{} was acknowledged at offset {} at {} ms and is gone", key.to_text(),
                           send.offset.value, send.told_at / 1'000'000));
    } else if (send.fate == Fate::kAcked &&
               std::ranges::find(place->second, send.offset.value) == place->second.end() &&
               !may_be_lost(send.sent_at, terms)) {
      report(findings, "moved",
             fmt::format("{} was acknowledged at offset {} and lies at {}", key.to_text(),
                         send.offset.value, place->second[0]));
    }
  }
}

void History::judge_reads(const Terms& terms, Findings& findings) const {
  for (const Read& read : reads_) {
    if (may_be_lost(read.asked_at, terms)) continue;
    const auto content = content_.find(read.key.partition);
    if (content == content_.end() || read.offset < content->second.start) continue;
    const auto found = content->second.records.find(read.offset.value);
    if (found != content->second.records.end() && found->second == read.key) continue;
    report(findings, "inconsistent",
           fmt::format(
               "{} was read at offset {}; now there is {}", read.key.to_text(), read.offset.value,
               found == content->second.records.end() ? "nothing" : found->second.to_text()));
  }
}

void History::judge_order(const Places& places, Findings& findings) const {
  for (const auto& [partition, content] : content_) {
    std::map<uint16_t, uint32_t> last;
    for (const auto& [offset, key] : content.records) {
      const Promise promise = promise_of(key.producer);
      if (!promise.keeps_order) continue;
      if (!promise.stores_once) {
        const auto send = sends_.find(key);
        const bool is_acked = send != sends_.end() && send->second.fate == Fate::kAcked;
        if (!is_acked || places.at(key)[0] != offset) continue;
      }
      const auto [place, is_first] = last.emplace(key.producer, key.number);
      if (!is_first && key.number < place->second)
        report(
            findings, "order",
            fmt::format("{} lies at {}, behind number {}", key.to_text(), offset, place->second));
      place->second = std::max(place->second, key.number);
    }
  }
}

void History::judge_real_time(const Terms& terms, Findings& findings) const {
  struct Point {
    Time at;
    bool is_send;
    const RecordKey* key;
    const Send* send;
  };
  std::map<uint16_t, std::vector<Point>> points;
  for (const auto& [key, send] : sends_) {
    if (send.fate != Fate::kAcked || may_be_lost(send.sent_at, terms)) continue;
    points[key.partition].push_back({send.sent_at, true, &key, &send});
    points[key.partition].push_back({send.told_at, false, &key, &send});
  }
  for (auto& [partition, line] : points) {
    std::sort(line.begin(), line.end(), [](const Point& a, const Point& b) {
      return std::tie(a.at, b.is_send, *a.key) < std::tie(b.at, a.is_send, *b.key);
    });
    int64_t highest_acked = -1;
    std::map<RecordKey, int64_t> floor;
    for (const Point& point : line) {
      if (point.is_send) {
        floor[*point.key] = highest_acked;
        continue;
      }
      if (point.send->offset.value <= floor.at(*point.key))
        report(findings, "time travel",
               fmt::format("{} lies at {}, but was sent after offset {} was acknowledged",
                           point.key->to_text(), point.send->offset.value, floor.at(*point.key)));
      highest_acked = std::max(highest_acked, point.send->offset.value);
    }
  }
}

History::Places History::places() const {
  Places places;
  for (const auto& [partition, content] : content_)
    for (const auto& [offset, key] : content.records) places[key].push_back(offset);
  return places;
}

Promise History::promise_of(uint16_t producer) const {
  const auto found = promises_.find(producer);
  return found == promises_.end() ? Promise{} : found->second;
}

uint64_t History::doubled_count() const {
  const Places all = places();
  return static_cast<uint64_t>(
      std::ranges::count_if(all, [](const auto& place) { return place.second.size() > 1; }));
}

uint64_t History::lost_count() const {
  const Places all = places();
  return static_cast<uint64_t>(std::ranges::count_if(sends_, [&all](const auto& entry) {
    const Fate fate = entry.second.fate;
    return (fate == Fate::kAcked || fate == Fate::kStored) && !all.contains(entry.first);
  }));
}

std::vector<Violation> History::judge(const Terms& terms) const {
  Findings findings = complaints_;
  const Places places = this->places();
  judge_content(findings);
  judge_sends(terms, places, findings);
  judge_reads(terms, findings);
  judge_order(places, findings);
  judge_real_time(terms, findings);
  return findings;
}

}  // namespace semel::sim
