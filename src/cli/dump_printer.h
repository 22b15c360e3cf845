// One fact after another, as a line for people or as a line of JSON.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "cli/output.h"
#include "log/producer_state_types.h"

namespace semel::cli {

class DumpPrinter {
 public:
  using Json = nlohmann::ordered_json;

  DumpPrinter(Output& output, bool is_json) : output_(output), is_json_(is_json) {}
  ~DumpPrinter() { flush(); }
  DumpPrinter(const DumpPrinter&) = delete;
  DumpPrinter& operator=(const DumpPrinter&) = delete;

  bool is_json() const { return is_json_; }
  /// `text` for people; `fields` for programs, behind {"kind":kind}.
  void row(std::string_view kind, std::string_view text, const Json& fields);
  void flush();

 private:
  Output& output_;
  bool is_json_;
  std::string pending_;
};

/// "2026-11-22 22:16:07.123Z"; "none" for −1 and what no calendar has.
std::string time_text(int64_t unix_ms);
/// One line without its end; bytes that are no UTF-8 are replaced.
std::string json_text(const DumpPrinter::Json& json);
/// What a broker counts for one producer, by its names in every JSON.
DumpPrinter::Json json_of(const log::ProducerCounters& counters);
/// "1 record", "2 records"
std::string counted(int64_t count, std::string_view noun);

}  // namespace semel::cli
