#include "cli/dump_printer.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace semel::cli {

void DumpPrinter::row(std::string_view kind, std::string_view text, const Json& fields) {
  if (is_json_) {
    Json line{{"kind", kind}};
    line.update(fields);
    pending_ += json_text(line);
  } else {
    pending_ += text;
  }
  pending_ += '\n';
  if (pending_.size() > 1 << 16) flush();
}

void DumpPrinter::flush() {
  if (!pending_.empty()) output_.out(pending_);
  pending_.clear();
}

std::string json_text(const DumpPrinter::Json& json) {
  return json.dump(-1, ' ', false, DumpPrinter::Json::error_handler_t::replace);
}

std::string time_text(int64_t unix_ms) {
  constexpr int64_t kYear9999 = 253'402'300'800'000;
  if (unix_ms < 0 || unix_ms >= kYear9999) return unix_ms == -1 ? "none" : std::to_string(unix_ms);
  return fmt::format("{:%Y-%m-%d %H:%M:%S}.{:03}Z",
                     fmt::gmtime(static_cast<std::time_t>(unix_ms / 1000)), unix_ms % 1000);
}

DumpPrinter::Json json_of(const log::ProducerCounters& counters) {
  return {{"duplicates", counters.duplicates},
          {"duplicateRecords", counters.duplicate_records},
          {"reencoded", counters.reencoded},
          {"belowLogStart", counters.below_log_start},
          {"gaps", counters.gaps},
          {"sequencesReused", counters.sequences_reused},
          {"epochBumps", counters.epoch_bumps},
          {"fenced", counters.fenced}};
}

std::string counted(int64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace semel::cli
