// Where a command writes: standard output carries data, standard error carries messages. Commands
// get it as a parameter, so that tests read what a user would see.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace semel::cli {

/// Exit codes of semel's own commands; look-alikes of Kafka's tools use Kafka's.
enum ExitCode : int {
  kOk = 0,
  kFailed = 1,
  kUsage = 2,
  kNotFound = 3,
  kUnreachable = 4,
  kNotAuthorised = 5,
  kConflict = 6,
  kInternal = 70,
};

class Output {
 public:
  virtual ~Output() = default;
  virtual void out(std::string_view text) = 0;
  virtual void err(std::string_view text) = 0;
};

/// The process's own standard streams.
class StandardOutput final : public Output {
 public:
  void out(std::string_view text) override { std::fwrite(text.data(), 1, text.size(), stdout); }
  void err(std::string_view text) override { std::fwrite(text.data(), 1, text.size(), stderr); }
};

/// Keeps everything; for tests.
class CapturedOutput final : public Output {
 public:
  void out(std::string_view text) override { stdout_text += text; }
  void err(std::string_view text) override { stderr_text += text; }

  std::string stdout_text;
  std::string stderr_text;
};

}  // namespace semel::cli
