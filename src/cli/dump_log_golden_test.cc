// Every text that genuine kafka-dump-log wrote for the files of tests/golden: standard output,
// standard error and exit code, byte for byte.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "cli/dump_log_command.h"
#include "rt/linux/io_pool.h"
#include "rt/linux/system_disk.h"

namespace semel::cli {
namespace {

struct ToolRun {
  std::vector<std::string> arguments;
  std::string standard_output;
  std::string standard_error;
  int exit_code = 0;
};

std::string read_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Kafka's text without what belongs to stack traces (the recorder left "\tat …" out already).
std::string without_causes(const std::string& text) {
  std::istringstream lines(text);
  std::string kept;
  for (std::string line; std::getline(lines, line);)
    if (!line.starts_with("Caused by: ") && !line.starts_with("\t... ")) kept += line + "\n";
  return kept;
}

/// One file holds several runs, each "$ kafka-dump-log.sh …", the two streams and the exit code.
std::vector<ToolRun> runs_of(const std::string& text) {
  constexpr std::string_view kPrompt = "$ kafka-dump-log.sh ";
  constexpr std::string_view kOut = "\n--- stdout\n";
  constexpr std::string_view kErr = "--- stderr\n";
  constexpr std::string_view kExit = "--- exit code ";
  std::vector<ToolRun> runs;
  for (size_t at = text.find(kPrompt); at != std::string::npos;) {
    const size_t out = text.find(kOut, at);
    const size_t next = text.find("\n\n" + std::string(kPrompt), at);
    const size_t end = next == std::string::npos ? text.size() : next;
    const size_t exit = text.rfind(kExit, end);
    const size_t err = text.rfind(kErr, exit);
    ToolRun run;
    std::istringstream words(text.substr(at + kPrompt.size(), out - at - kPrompt.size()));
    for (std::string word; words >> word;) run.arguments.push_back(word);
    run.standard_output = text.substr(out + kOut.size(), err - out - kOut.size());
    run.standard_error = without_causes(text.substr(err + kErr.size(), exit - err - kErr.size()));
    run.exit_code = std::stoi(text.substr(exit + kExit.size()));
    runs.push_back(std::move(run));
    at = next == std::string::npos ? next : next + 2;
  }
  return runs;
}

std::string without(std::string text, const std::string& part) {
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at))
    text.erase(at, part.size());
  return text;
}

std::string first_difference(const std::string& is, const std::string& should_be) {
  std::istringstream is_lines(is);
  std::istringstream should_lines(should_be);
  std::string a;
  std::string b;
  for (int line = 1;; ++line) {
    const bool has_a = static_cast<bool>(std::getline(is_lines, a));
    const bool has_b = static_cast<bool>(std::getline(should_lines, b));
    if (!has_a && !has_b) return "only line ends differ";
    if (has_a == has_b && a == b) continue;
    return "line " + std::to_string(line) + "\n  is: " + (has_a ? a : "(end)") + "\n  not " +
           (has_b ? b : "(end)");
  }
}

struct Folder {
  std::string name;
  int runs;
};

class DumpLogGolden : public ::testing::TestWithParam<Folder> {
 protected:
  void check(const std::filesystem::path& file) {
    const std::string name =
        file.string().substr(0, file.string().size() - std::string(".dump.txt").size());
    ASSERT_TRUE(std::filesystem::exists(name)) << name;
    const DumpStyle style =
        GetParam().name.starts_with("kafka-2.6") ? DumpStyle::kKafka26 : DumpStyle::kKafka43;
    for (const ToolRun& run : runs_of(read_text(file))) {
      CapturedOutput output;
      const int code = run_dump_log(run.arguments, paths_, style, output);
      const std::string out = without(output.stdout_text, root_ + "/");
      const std::string err = without(output.stderr_text, root_ + "/");
      const std::string command = ::testing::PrintToString(run.arguments);
      EXPECT_EQ(code, run.exit_code) << command << "\n" << err;
      if (out != run.standard_output) {
        ADD_FAILURE() << command << "\nstdout " << first_difference(out, run.standard_output);
      }
      if (err != run.standard_error) {
        ADD_FAILURE() << command << "\nstderr " << first_difference(err, run.standard_error);
      }
      ++runs_;
    }
  }

  const std::string root_ = SEMEL_GOLDEN_DIR;
  rt::linux_os::IoPool pool_{1};
  rt::linux_os::SystemDisk disk_{pool_};
  const DumpPaths paths_{disk_, root_};
  int runs_ = 0;
};

TEST_P(DumpLogGolden, EveryFile) {
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(root_ + "/" + GetParam().name)) {
    if (!entry.path().string().ends_with(".dump.txt")) continue;
    check(entry.path());
  }
  EXPECT_EQ(runs_, GetParam().runs);
}

INSTANTIATE_TEST_SUITE_P(
    Kafka, DumpLogGolden,
    ::testing::Values(Folder{"kafka-4.3.1/formatted", 3}, Folder{"kafka-4.3.1/killed", 783},
                      Folder{"kafka-4.3.1/clean", 845}, Folder{"kafka-4.3.1/clean-again", 200},
                      Folder{"kafka-4.3.1/cluster", 372}, Folder{"kafka-2.6.0", 296},
                      Folder{"dump-extra", 105}),
    [](const auto& info) {
      std::string name = info.param.name;
      std::ranges::replace_if(name, [](char c) { return !std::isalnum(c); }, '_');
      return name;
    });

}  // namespace
}  // namespace semel::cli
