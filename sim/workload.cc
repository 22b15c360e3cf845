#include "workload.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <set>

#include <fmt/format.h>

namespace semel::sim {

namespace {

constexpr std::array<std::string_view, 13> kFaults{
    "kill",  "power", "die_in_disk", "stop",       "pause",     "cut", "isolate",
    "clock", "full",  "no_space",    "disk_error", "slow_disk", "rot"};

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

std::optional<int64_t> to_number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::map<std::string_view, int64_t Workload::*> number_settings() {
  return {{"brokers", &Workload::brokers},
          {"reactors", &Workload::reactors},
          {"partitions", &Workload::partitions},
          {"producers", &Workload::producers},
          {"consumers", &Workload::consumers},
          {"records_per_batch", &Workload::records_per_batch},
          {"value_bytes", &Workload::value_bytes},
          {"send_every_ms", &Workload::send_every_ms},
          {"duration_ms", &Workload::duration_ms},
          {"settle_ms", &Workload::settle_ms},
          {"request_timeout_ms", &Workload::request_timeout_ms},
          {"resend_ppm", &Workload::resend_ppm},
          {"wrap_ppm", &Workload::wrap_ppm},
          {"bump_ppm", &Workload::bump_ppm},
          {"delivery_timeout_ms", &Workload::delivery_timeout_ms},
          {"disk_bytes", &Workload::disk_bytes}};
}

Result<void> parse_fault(Workload& workload, std::string_view line) {
  FaultPlan plan;
  while (!line.empty()) {
    const size_t space = line.find(' ');
    const std::string_view word = trim(line.substr(0, space));
    line = space == std::string_view::npos ? std::string_view{} : trim(line.substr(space + 1));
    const size_t equals = word.find('=');
    if (plan.name.empty()) {
      plan.name = word;
      continue;
    }
    const auto value =
        equals == std::string_view::npos ? std::nullopt : to_number(word.substr(equals + 1));
    if (!value)
      return fail(ErrorCode::kInvalidConfig, fmt::format("fault {}: '{}'?", plan.name, word));
    plan.numbers[std::string(word.substr(0, equals))] = *value;
  }
  if (std::find(kFaults.begin(), kFaults.end(), plan.name) == kFaults.end())
    return fail(ErrorCode::kInvalidConfig, fmt::format("unknown fault '{}'", plan.name));
  plan.every_ms = std::max<int64_t>(1, plan.number("every_ms", 1000));
  workload.faults.push_back(std::move(plan));
  return {};
}

/// Sets `into` to what `words` calls `value`; false if it does not know it.
template <class T>
bool parse_word(T& into, std::string_view value,
                std::initializer_list<std::pair<std::string_view, T>> words) {
  for (const auto& [word, meaning] : words) {
    if (word != value) continue;
    into = meaning;
    return true;
  }
  return false;
}

bool parse_client(Workload& workload, std::string_view key, std::string_view value) {
  if (key == "driver")
    return parse_word(workload.driver, value,
                      {{"wire", Driver::kWire}, {"native", Driver::kNative}});
  return key == "delivery" && parse_word(workload.delivery, value,
                                         {{"idempotent", Delivery::kIdempotent},
                                          {"at_least_once", Delivery::kAtLeastOnce},
                                          {"at_most_once", Delivery::kAtMostOnce}});
}

Result<void> parse_setting(Workload& workload, std::string_view line) {
  const size_t equals = line.find('=');
  if (equals == std::string_view::npos)
    return fail(ErrorCode::kInvalidConfig, fmt::format("no '=' in '{}'", line));
  const std::string_view key = trim(line.substr(0, equals));
  const std::string_view value = trim(line.substr(equals + 1));
  if (key.starts_with("broker.")) {
    workload.broker_settings[std::string(key.substr(7))] = value;
    return {};
  }
  if (key.starts_with("topic.")) {
    workload.topic_settings[std::string(key.substr(6))] = value;
    return {};
  }
  if (key == "flush") {
    workload.flush = value;
    return {};
  }
  if (parse_client(workload, key, value)) return {};
  const auto settings = number_settings();
  const auto setting = settings.find(key);
  const auto number = to_number(value);
  if (setting == settings.end() || !number)
    return fail(ErrorCode::kInvalidConfig, fmt::format("'{} = {}'?", key, value));
  workload.*setting->second = *number;
  return {};
}

}  // namespace

bool Workload::has_fault(std::string_view fault) const {
  return std::any_of(faults.begin(), faults.end(),
                     [fault](const FaultPlan& plan) { return plan.name == fault; });
}

bool Workload::may_lose() const {
  const bool cuts_power =
      has_fault("power") || std::any_of(faults.begin(), faults.end(), [](const FaultPlan& plan) {
        return plan.name == "die_in_disk" && plan.number("with_power", 0) != 0;
      });
  return cuts_power && flush == "os";
}

Result<Workload> parse_workload(std::string_view name, std::string_view text) {
  Workload workload;
  workload.name = name;
  int number = 0;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    line = trim(line.substr(0, line.find('#')));
    ++number;
    if (line.empty()) continue;
    if (line.starts_with("expect ")) {
      workload.expected.emplace_back(trim(line.substr(7)));
      continue;
    }
    const auto done = line.starts_with("fault ") ? parse_fault(workload, trim(line.substr(6)))
                                                 : parse_setting(workload, line);
    if (!done) return fail(done.error(), fmt::format("{}:{}", name, number));
  }
  return workload;
}

}  // namespace semel::sim
