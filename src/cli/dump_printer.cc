#include "cli/dump_printer.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace semel::cli {

void DumpPrinter::row(std::string_view kind, std::string_view text, const Json& fields) {
  if (is_json_) {
    Json line{{"kind", kind}};
    line.update(fields);
    pending_ += line.dump(-1, ' ', false, Json::error_handler_t::replace);
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

std::string time_text(int64_t unix_ms) {
  constexpr int64_t kYear9999 = 253'402'300'800'000;
  if (unix_ms < 0 || unix_ms >= kYear9999) return unix_ms == -1 ? "none" : std::to_string(unix_ms);
  return fmt::format("{:%Y-%m-%d %H:%M:%S}.{:03}Z",
                     fmt::gmtime(static_cast<std::time_t>(unix_ms / 1000)), unix_ms % 1000);
}

std::string counted(int64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace semel::cli
