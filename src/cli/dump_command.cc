#include "cli/dump_command.h"

#include <algorithm>

#include <fmt/format.h>

#include "cli/dump_kinds.h"
#include "cli/help.h"

namespace semel::cli {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  semel dump data/orders-0/00000000000000000000.log\n"
    "  semel dump --records data/orders-0/*.log\n"
    "  semel dump data/orders-0/00000000000000000042.snapshot\n"
    "  semel dump --at-offset 1000 data/orders-0     producer state before offset 1000\n"
    "  semel dump -o json data/meta.properties\n";

struct Options {
  std::string format = "text";
  std::vector<std::string> files;
  std::optional<int64_t> at_offset;
  bool with_records = false;
};

/// Without the suffixes of files on their way out or in.
std::string plain_name(std::string_view path) {
  std::string_view name = path.substr(path.rfind('/') + 1);
  for (const std::string_view suffix : {".deleted", ".cleaned", ".swap", ".cut", ".part"})
    if (name.ends_with(suffix)) name.remove_suffix(suffix.size());
  return std::string(name);
}

bool is_folder(const DumpPaths& paths, const std::string& path) {
  const auto entry = paths.disk.stat(paths.absolute(path));
  return entry && entry->is_directory;
}

Result<void> dump_one(const DumpPaths& paths, const std::string& path, const Options& options,
                      DumpPrinter& printer) {
  const std::string name = plain_name(path);
  auto file = DumpFile::open(paths, path, path);
  if (!file) return file_error(file.error());
  const DumpFunction function = dump_function_for(name);
  if (function == nullptr)
    return fail(ErrorCode::kInvalidRequest, "no kind of file that is known by its name");
  DumpTarget target{path, name, *file, printer, options.with_records};
  return function(target);
}

/// The files of a folder that are known by their names, in order.
std::vector<std::string> files_of(const DumpPaths& paths, const std::string& folder) {
  std::vector<std::string> files;
  const auto entries = paths.disk.list(paths.absolute(folder));
  if (!entries) return files;
  for (const auto& entry : *entries)
    if (!entry.is_directory && dump_function_for(plain_name(entry.name)) != nullptr)
      files.push_back(folder + (folder.ends_with('/') ? "" : "/") + entry.name);
  return files;
}

int note_failure(const std::string& path, const Error& error, Output& output) {
  output.err(fmt::format("{}: {}\n", path, error.context));
  return error.cause == Cause::kNotFound ? kNotFound : kFailed;
}

int dump_all(const DumpPaths& paths, const Options& options, Output& output) {
  DumpPrinter printer(output, options.format == "json");
  int code = kOk;
  for (const std::string& path : options.files) {
    const bool folder = is_folder(paths, path);
    if (options.at_offset) {
      const std::string partition = folder               ? path
                                    : path.contains('/') ? path.substr(0, path.rfind('/'))
                                                         : ".";
      const auto done = dump_state_at(paths, partition, Offset{*options.at_offset}, printer);
      printer.flush();
      if (!done) code = note_failure(path, done.error(), output);
      continue;
    }
    for (const std::string& file :
         folder ? files_of(paths, path) : std::vector<std::string>{path}) {
      const auto done = dump_one(paths, file, options, printer);
      printer.flush();
      if (!done) code = note_failure(file, done.error(), output);
    }
  }
  return code;
}

}  // namespace

int run_dump_command(std::span<const std::string> arguments, const DumpPaths& paths,
                     Output& output) {
  Options options;
  CLI::App app("Prints any file of a data directory of semel's or Kafka's.", "semel dump");
  app.footer(kExamples);
  put_examples_first(app);
  app.add_option("FILE", options.files, "files, or folders: every file in them that is known")
      ->required();
  app.add_option("-o,--output", options.format, "text or json (one object a line)")
      ->check(CLI::IsMember({"text", "json"}));
  app.add_option("--at-offset", options.at_offset,
                 "the partition's producer state before this offset");
  app.add_flag("--records", options.with_records, "keys, values and headers of the records too");
  if (const auto code = parse_command_line(app, arguments, output)) return *code;
  return dump_all(paths, options, output);
}

}  // namespace semel::cli
