#include "cluster/placement.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

namespace semel::cluster {
namespace {

/// Brokers that take turns: a new epoch starts with each partition, one further on.
class Ring {
 public:
  Ring(std::vector<BrokerId> brokers, rt::Random& random) : brokers_(std::move(brokers)) {
    for (size_t i = brokers_.size(); i > 1; --i)
      std::swap(brokers_[i - 1], brokers_[random.below(i)]);
    if (!brokers_.empty()) offset_ = random.below(brokers_.size());
  }
  size_t size() const { return brokers_.size(); }
  BrokerId at(size_t index) const { return brokers_[(offset_ + index) % brokers_.size()]; }
  void advance() { ++offset_; }

 private:
  std::vector<BrokerId> brokers_;
  size_t offset_ = 0;
};

struct Rack {
  Ring unfenced;
  Ring fenced;
};

std::vector<Rack> racks_of(const MetadataImage& image, rt::Random& random) {
  std::map<std::string, std::pair<std::vector<BrokerId>, std::vector<BrokerId>>> members;
  for (const auto& [id, broker] : image.brokers->brokers) {
    auto& [unfenced, fenced] = members[broker->rack.value_or("")];
    (broker->fenced || broker->in_controlled_shutdown ? fenced : unfenced).push_back(id);
  }
  std::vector<Rack> racks;
  for (auto& [name, lists] : members)
    racks.push_back({Ring(std::move(lists.first), random), Ring(std::move(lists.second), random)});
  return racks;
}

/// One broker of each rack in turn, unfenced ones of all racks before fenced ones.
std::vector<BrokerId> place_one(std::vector<Rack>& racks, size_t first_rack, size_t count) {
  std::vector<BrokerId> replicas;
  for (const bool fenced : {false, true}) {
    for (size_t round = 0; replicas.size() < count; ++round) {
      bool found = false;
      for (size_t i = 0; i < racks.size() && replicas.size() < count; ++i) {
        Rack& rack = racks[(first_rack + i) % racks.size()];
        const Ring& ring = fenced ? rack.fenced : rack.unfenced;
        if (round >= ring.size()) continue;
        replicas.push_back(ring.at(round));
        found = true;
      }
      if (!found) break;
    }
  }
  for (Rack& rack : racks) {
    rack.unfenced.advance();
    rack.fenced.advance();
  }
  return replicas;
}

}  // namespace

Result<std::vector<std::vector<BrokerId>>> place_replicas(const MetadataImage& image,
                                                          const PlacementAsk& ask,
                                                          rt::Random& random) {
  const auto invalid = [](std::string text) {
    return fail(ErrorCode::kInvalidReplicationFactor, std::move(text));
  };
  if (ask.replicas <= 0)
    return invalid(fmt::format(
        "Invalid replication factor {}: the replication factor must be positive.", ask.replicas));
  std::vector<Rack> racks = racks_of(image, random);
  const bool has_unfenced =
      std::ranges::any_of(racks, [](const Rack& rack) { return rack.unfenced.size() > 0; });
  if (!has_unfenced)
    return invalid("All brokers are currently fenced, or have all their log directories cordoned.");
  const size_t total = image.brokers->brokers.size();
  if (static_cast<size_t>(ask.replicas) > total)
    return invalid(fmt::format(
        "The target replication factor of {} cannot be reached because only {} broker(s) are "
        "registered or some brokers have all their log directories cordoned.",
        ask.replicas, total));
  std::vector<std::vector<BrokerId>> result;
  size_t first_rack = random.below(racks.size());
  for (int32_t i = 0; i < ask.partitions; ++i)
    result.push_back(place_one(racks, first_rack++, static_cast<size_t>(ask.replicas)));
  return result;
}

}  // namespace semel::cluster
