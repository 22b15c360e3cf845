#include "cli/help.h"

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

}  // namespace semel::cli
