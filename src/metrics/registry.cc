#include "metrics/registry.h"

#include <algorithm>
#include <memory>
#include <tuple>

#include "base/assert.h"

namespace semel::metrics {
namespace {

size_t hash_of(std::string_view name, const Labels& labels) {
  const std::hash<std::string_view> hash;
  size_t sum = hash(name);
  for (const auto& [key, value] : labels) sum = (sum * 31 + hash(key)) * 31 + hash(value);
  return sum;
}

bool is_valid_name(std::string_view name) {
  auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
  };
  auto is_valid = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); };
  return !name.empty() && is_letter(name.front()) && std::ranges::all_of(name, is_valid);
}

}  // namespace

Registry::~Registry() {
  for (const auto& head : heads_) {
    for (Metric* metric = head.load(std::memory_order_acquire); metric != nullptr;) {
      delete std::exchange(metric, metric->next);
    }
  }
}

Registry::Metric* Registry::find(Metric* from, const Metric* until, std::string_view name,
                                 const Labels& labels) const {
  for (Metric* metric = from; metric != until; metric = metric->next) {
    if (metric->name == name && metric->labels == labels) return metric;
  }
  return nullptr;
}

// Lists only grow at their heads. Race: two threads create the same metric; who loses the exchange
// looks through what was put before its own place meanwhile, and finds the winner's.
template <class Kind, class... Args>
Kind& Registry::find_or_create(const Family& family, Labels labels, Args&&... args) {
  SEMEL_ASSERT(is_valid_name(family.name), "not a name for a metric");
  std::ranges::sort(labels);
  std::atomic<Metric*>& head = heads_[hash_of(family.name, labels) % kLists];
  Metric* first = head.load(std::memory_order_acquire);
  Metric* found = find(first, nullptr, family.name, labels);
  if (found == nullptr) {
    std::unique_ptr<Metric> fresh(
        new Metric{std::string(family.name), std::string(family.help), family.scale, labels,
                   decltype(Metric::value)(std::in_place_type<Kind>, std::forward<Args>(args)...)});
    fresh->next = first;
    while (found == nullptr &&
           !head.compare_exchange_strong(first, fresh.get(), std::memory_order_acq_rel)) {
      found = find(first, fresh->next, family.name, labels);
      fresh->next = first;
    }
    if (found == nullptr) found = fresh.release();
  }
  found->is_retired.store(false, std::memory_order_release);
  Kind* kind = std::get_if<Kind>(&found->value);
  SEMEL_ASSERT(kind != nullptr, "the metric exists as another kind");
  return *kind;
}

Counter& Registry::counter(const Family& family, Labels labels) {
  return find_or_create<Counter>(family, std::move(labels));
}

Gauge& Registry::gauge(const Family& family, Labels labels) {
  return find_or_create<Gauge>(family, std::move(labels));
}

Histogram& Registry::histogram(const Family& family, Labels labels) {
  return find_or_create<Histogram>(family, std::move(labels));
}

void Registry::gauge_function(const Family& family, GaugeFunction read, Labels labels) {
  find_or_create<GaugeFunction>(family, std::move(labels), std::move(read));
}

void Registry::retire(std::string_view label, std::string_view value) {
  for (const auto& head : heads_) {
    for (Metric* m = head.load(std::memory_order_acquire); m != nullptr; m = m->next) {
      const bool carries = std::ranges::any_of(
          m->labels, [&](const auto& pair) { return pair.first == label && pair.second == value; });
      if (carries) m->is_retired.store(true, std::memory_order_release);
    }
  }
}

std::vector<const Registry::Metric*> Registry::list() const {
  std::vector<const Metric*> metrics;
  for (const auto& head : heads_) {
    for (const Metric* m = head.load(std::memory_order_acquire); m != nullptr; m = m->next) {
      if (!m->is_retired.load(std::memory_order_acquire)) metrics.push_back(m);
    }
  }
  std::ranges::sort(metrics, {}, [](const Metric* m) { return std::tie(m->name, m->labels); });
  return metrics;
}

}  // namespace semel::metrics
