#include "cli/help.h"

#include <vector>

#include <fmt/format.h>

namespace semel::cli {
namespace {

class ExamplesFirst final : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override {
    if (mode == CLI::AppFormatMode::Sub) return make_expanded(app);
    return make_description(app) + "\n" + make_footer(app) + "\n" +
           make_usage(app, std::move(name)) + make_positionals(app) + make_groups(app, mode) +
           make_subcommands(app, mode);
  }
};

}  // namespace

void put_examples_first(CLI::App& app) { app.formatter(std::make_shared<ExamplesFirst>()); }

std::optional<int> parse_command_line(CLI::App& app, std::span<const std::string> arguments,
                                      Output& output) {
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    output.out(app.help());
    return kOk;
  } catch (const CLI::ParseError& error) {
    output.err(fmt::format("{0}: {1}; see {0} --help\n", app.get_name(), error.what()));
    return kUsage;
  }
  return std::nullopt;
}

}  // namespace semel::cli
