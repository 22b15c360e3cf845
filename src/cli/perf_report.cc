#include "cli/perf_report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <vector>

#include <fmt/format.h>

#include "cli/dump_printer.h"

namespace semel::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Quantile {
  const char* name;
  double share;  // 1 = the highest of all
};
constexpr std::array<Quantile, 5> kQuantiles = {
    {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"max", 1}}};

double milliseconds(const metrics::HistogramSnapshot& latency, double share) {
  return static_cast<double>(share < 1 ? latency.quantile(share) : latency.max()) / 1e6;
}

/// Microseconds are as fine as a clock and a bucket are.
double rounded(double value) { return std::round(value * 1e3) / 1e3; }

Json to_json(const PerfResult& result) {
  Json json = result.settings;
  json["records"] = result.records;
  json["failed"] = result.failed;
  json["bytes"] = result.bytes;
  json["seconds"] = rounded(result.seconds);
  json["recordsPerSecond"] = std::round(result.per_second(result.records));
  json["bytesPerSecond"] = std::round(result.per_second(result.bytes));
  if (result.first_record_ms) json["firstRecordMs"] = rounded(*result.first_record_ms);
  if (!result.latency_ns) return json;
  Json& latency = json["latencyMs"];
  latency["mean"] = rounded(result.latency_ns->mean() / 1e6);
  for (const auto& [name, share] : kQuantiles)
    latency[name] = rounded(milliseconds(*result.latency_ns, share));
  return json;
}

class Table {
 public:
  explicit Table(std::span<const PerfResult> results) : results_(results) {
    row("", [](const PerfResult& result) { return result.title; });
  }

  void row(std::string name, const std::function<std::string(const PerfResult&)>& cell) {
    auto& cells = rows_.emplace_back();
    cells.push_back(std::move(name));
    for (const PerfResult& result : results_) cells.push_back(cell(result));
  }

  std::string text() const {
    std::vector<size_t> widths(results_.size() + 1);
    for (const auto& cells : rows_)
      for (size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], cells[i].size());
    std::string text;
    for (const auto& cells : rows_) {
      text += fmt::format("{:<{}}", cells[0], widths[0]);
      for (size_t i = 1; i < cells.size(); ++i)
        text += fmt::format("   {:>{}}", cells[i], widths[i]);
      text += '\n';
    }
    return text;
  }

 private:
  std::span<const PerfResult> results_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace

std::string grouped(uint64_t number) {
  std::string text = std::to_string(number);
  for (size_t i = text.size(); i > 3; i -= 3) text.insert(i - 3, ",");
  return text;
}

void print_perf(std::span<const PerfResult> results, bool is_json, Output& output) {
  if (is_json) {
    for (const PerfResult& result : results) output.out(json_text(to_json(result)) + "\n");
    return;
  }
  Table table(results);
  const auto any = [&](auto is_so) { return std::ranges::any_of(results, is_so); };
  table.row("records", [](const PerfResult& r) { return grouped(r.records); });
  if (any([](const PerfResult& r) { return r.failed > 0; }))
    table.row("failed", [](const PerfResult& r) { return grouped(r.failed); });
  table.row("seconds", [](const PerfResult& r) { return fmt::format("{:.2f}", r.seconds); });
  table.row("records/s", [](const PerfResult& r) {
    return grouped(static_cast<uint64_t>(std::llround(r.per_second(r.records))));
  });
  table.row("MiB/s", [](const PerfResult& r) {
    return fmt::format("{:.1f}", r.per_second(r.bytes) / 1048576);
  });
  if (any([](const PerfResult& r) { return r.first_record_ms.has_value(); }))
    table.row("first record ms", [](const PerfResult& r) {
      return fmt::format("{:.1f}", r.first_record_ms.value_or(0));
    });
  for (const auto& [name, share] : kQuantiles) {
    if (!any([](const PerfResult& r) { return r.latency_ns.has_value(); })) break;
    table.row(fmt::format("{:<8}{}", share == kQuantiles.front().share ? "latency" : "",
                          fmt::format("{:<5} ms", name)),
              [share](const PerfResult& r) {
                return fmt::format("{:.2f}", milliseconds(*r.latency_ns, share));
              });
  }
  output.out(table.text());
}

}  // namespace semel::cli
