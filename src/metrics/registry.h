// Registry: all metrics of one process (or of one broker, where several run in one process).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "metrics/histogram.h"
#include "metrics/metric.h"

namespace semel::metrics {

/// What a metric is called. `name` as Prometheus wants it: [a-zA-Z_:][a-zA-Z0-9_:]*, counters end
/// in _total, units are spelled at the end (_seconds, _bytes).
struct Family {
  std::string_view name;
  std::string_view help;
  /// What one unit of the counted number means in the published unit: 1e-9 for a histogram that
  /// counts nanoseconds and is called …_seconds.
  double scale = 1;
};

using Labels = std::vector<std::pair<std::string, std::string>>;

/// A gauge that is computed when it is read. Any thread; must outlive the registry or be retired
/// first.
using GaugeFunction = std::function<double()>;

class Registry {
 public:
  struct Metric {
    std::string name;
    std::string help;
    double scale = 1;
    Labels labels;
    std::variant<Counter, Gauge, Histogram, GaugeFunction> value;
    std::atomic<bool> is_retired{false};
    Metric* next = nullptr;
  };

  Registry() = default;
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;
  ~Registry();

  /// Finds or creates; the reference is good as long as the registry lives. Asking for an existing
  /// name and labels as another kind is a bug (SEMEL_ASSERT). A retired metric comes back with the
  /// value that it had. Any thread; allocates, so ask once and keep the reference.
  Counter& counter(const Family& family, Labels labels = {});
  Gauge& gauge(const Family& family, Labels labels = {});
  Histogram& histogram(const Family& family, Labels labels = {});
  /// Once per name and labels.
  void gauge_function(const Family& family, GaugeFunction read, Labels labels = {});

  /// Hides every metric that carries this label (a deleted topic, say). Functions may still be
  /// running in a reader when it returns.
  void retire(std::string_view label, std::string_view value);

  /// All that are not retired, sorted by name, then labels.
  std::vector<const Metric*> list() const;

 private:
  static constexpr size_t kLists = 256;

  template <class Kind, class... Args>
  Kind& find_or_create(const Family& family, Labels labels, Args&&... args);
  Metric* find(Metric* from, const Metric* until, std::string_view name,
               const Labels& labels) const;

  std::array<std::atomic<Metric*>, kLists> heads_{};
};

}  // namespace semel::metrics
