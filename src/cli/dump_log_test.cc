#include <gtest/gtest.h>

#include "cli/dump_java.h"
#include "cli/dump_log_command.h"
#include "rt/linux/io_pool.h"
#include "rt/linux/system_disk.h"

namespace semel::cli {
namespace {

struct Tool {
  int run(const std::vector<std::string>& arguments) {
    output = CapturedOutput();
    return run_dump_log(arguments, paths, DumpStyle::kKafka43, output);
  }
  rt::linux_os::IoPool pool{1};
  rt::linux_os::SystemDisk disk{pool};
  DumpPaths paths{disk, SEMEL_GOLDEN_DIR};
  CapturedOutput output;
};

TEST(DumpLog, HelpIsOnStandardErrorAsKafkaHasIt) {
  Tool tool;
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{}, {"--help"}}) {
    EXPECT_EQ(tool.run(arguments), 1);
    EXPECT_EQ(tool.output.stdout_text, "");
    EXPECT_TRUE(
        tool.output.stderr_text.starts_with("This tool helps to parse a log file and dump its "
                                            "contents to the console, useful for debugging a "
                                            "seemingly corrupt log segment.\nOption "));
    EXPECT_TRUE(tool.output.stderr_text.ends_with("Display Kafka version.                     \n"));
  }
}

TEST(DumpLog, FilesAreRequired) {
  Tool tool;
  EXPECT_EQ(tool.run({"--print-data-log"}), 1);
  EXPECT_TRUE(
      tool.output.stderr_text.starts_with("Missing required argument \"[files]\"\nOption "));
}

TEST(DumpLog, VersionIsPrinted) {
  Tool tool;
  EXPECT_EQ(tool.run({"--version"}), 0);
  EXPECT_EQ(tool.output.stdout_text, "4.3.1\n");
}

TEST(DumpLog, StyleCanBeChosen) {
  Tool tool;
  const std::string file = "kafka-2.6.0/kafka-logs-1/format-0.9.0-0/00000000000000000000.log";
  EXPECT_EQ(tool.run({"--as-version", "2.6", "--files", file}), 0);
  EXPECT_TRUE(tool.output.stdout_text.starts_with("Dumping " + file + "\nStarting offset: 0\n"));
  EXPECT_EQ(tool.run({"--files", file}), 0);
  EXPECT_TRUE(
      tool.output.stdout_text.starts_with("Dumping " + file + "\nLog starting offset: 0\n"));
}

TEST(JavaString, MalformedPiecesAreReplacedAsJavaDoes) {
  EXPECT_EQ(java_string("a\xc3\xa9z"), "a\xc3\xa9z");
  EXPECT_EQ(java_string("a\xffz"), "a\xef\xbf\xbdz");
  EXPECT_EQ(java_string("\xe2\x82"), "\xef\xbf\xbd");
  EXPECT_EQ(java_string("\xe2\x82x"), "\xef\xbf\xbdx");
  EXPECT_EQ(java_string("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(java_string("\xf0\x9f\x98\x80"), "\xf0\x9f\x98\x80");
  EXPECT_EQ(java_string("\xc0\xaf"), "\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(java_string("\xf5\x80"), "\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(JavaHash, IsThatOfString) {
  EXPECT_EQ(java_hash(""), 0);
  EXPECT_EQ(java_hash("hello"), 99162322);
  EXPECT_EQ(java_hash("\xc3\xa9"), 233);
  EXPECT_EQ(java_hash("\xf0\x9f\x98\x80"), 1772899);  // two UTF-16 units
}

TEST(JavaMapOrder, IsThatOfHashMap) {
  // Seen with the real tool: the second file's findings are printed first.
  const std::string folder = "/tmp/kd/x/dump-extra/";
  EXPECT_EQ(java_map_order({folder + "index-0/00000000000000000000.index",
                            folder + "index-1/00000000000000000000.index"}),
            (std::vector<size_t>{1, 0}));
  EXPECT_EQ(java_map_order({"a", "b", "c"}), (std::vector<size_t>{0, 1, 2}));
}

}  // namespace
}  // namespace semel::cli
