#include "metrics/prometheus.h"

#include <iterator>

#include <fmt/format.h>

namespace semel::metrics {
namespace {

constexpr unsigned kFirstBound = 5;
constexpr unsigned kLastBound = 40;

void append_escaped(std::string& text, std::string_view value, bool with_quotes) {
  for (const char c : value) {
    if (c == '\n') {
      text += "\\n";
    } else {
      if (c == '\\' || (with_quotes && c == '"')) text += '\\';
      text += c;
    }
  }
}

void append_series(std::string& text, const Registry::Metric& metric, std::string_view suffix,
                   std::string_view bound = {}) {
  text += metric.name;
  text += suffix;
  char before = '{';
  for (const auto& [key, value] : metric.labels) {
    text += std::exchange(before, ',');
    text += key;
    text += "=\"";
    append_escaped(text, value, true);
    text += '"';
  }
  if (!bound.empty()) {
    text += std::exchange(before, ',');
    fmt::format_to(std::back_inserter(text), "le=\"{}\"", bound);
  }
  if (before == ',') text += '}';
  text += ' ';
}

void append_scaled(std::string& text, int64_t value, double scale) {
  if (scale == 1) {
    fmt::format_to(std::back_inserter(text), "{}\n", value);
  } else {
    fmt::format_to(std::back_inserter(text), "{}\n", static_cast<double>(value) * scale);
  }
}

void append_histogram(std::string& text, const Registry::Metric& metric,
                      const Histogram& histogram) {
  const HistogramSnapshot snapshot = histogram.snapshot();
  for (unsigned exponent = kFirstBound; exponent <= kLastBound; ++exponent) {
    const double bound = static_cast<double>(1ull << exponent) * metric.scale;
    append_series(text, metric, "_bucket", fmt::format("{}", bound));
    append_scaled(text, static_cast<int64_t>(snapshot.count_below_power(exponent)), 1);
  }
  append_series(text, metric, "_bucket", "+Inf");
  append_scaled(text, static_cast<int64_t>(snapshot.count()), 1);
  append_series(text, metric, "_sum");
  append_scaled(text, static_cast<int64_t>(snapshot.sum()), metric.scale);
  append_series(text, metric, "_count");
  append_scaled(text, static_cast<int64_t>(snapshot.count()), 1);
}

std::string_view type_of(const Registry::Metric& metric) {
  if (std::holds_alternative<Counter>(metric.value)) return "counter";
  if (std::holds_alternative<Histogram>(metric.value)) return "histogram";
  return "gauge";
}

void append_value(std::string& text, const Registry::Metric& metric) {
  if (const auto* histogram = std::get_if<Histogram>(&metric.value)) {
    return append_histogram(text, metric, *histogram);
  }
  append_series(text, metric, "");
  if (const auto* counter = std::get_if<Counter>(&metric.value)) {
    append_scaled(text, counter->value(), metric.scale);
  } else if (const auto* gauge = std::get_if<Gauge>(&metric.value)) {
    append_scaled(text, gauge->value(), metric.scale);
  } else if (const auto* function = std::get_if<GaugeFunction>(&metric.value)) {
    fmt::format_to(std::back_inserter(text), "{}\n", (*function)() * metric.scale);
  }
}

}  // namespace

void to_prometheus(const Registry& registry, std::string& text) {
  std::string_view family;
  for (const Registry::Metric* metric : registry.list()) {
    if (metric->name != family) {
      family = metric->name;
      text += "# HELP ";
      text += family;
      text += ' ';
      append_escaped(text, metric->help, false);
      fmt::format_to(std::back_inserter(text), "\n# TYPE {} {}\n", family, type_of(*metric));
    }
    append_value(text, *metric);
  }
}

}  // namespace semel::metrics
