#include "cli/help.h"

#include <charconv>
#include <cmath>
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

/// The whole text is a number of this type.
template <class Number>
std::optional<Number> number_of(const std::string& text) {
  Number number{};
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || at != end) return std::nullopt;
  return number;
}

}  // namespace

void put_examples_first(CLI::App& app) { app.formatter(std::make_shared<ExamplesFirst>()); }

CLI::Validator whole_number(int64_t least, int64_t most) {
  const std::string range = most == std::numeric_limits<int64_t>::max()
                                ? fmt::format("from {} on", least)
                                : fmt::format("from {} to {}", least, most);
  return CLI::Validator(
      [least, most, range](const std::string& text) {
        const auto number = number_of<int64_t>(text);
        if (number && *number >= least && *number <= most) return std::string();
        return fmt::format("\"{}\" is no whole number {}", text, range);
      },
      range);
}

CLI::Validator positive_number(Zero zero) {
  const bool is_allowed = zero == Zero::kAllowed;
  return CLI::Validator(
      [is_allowed](const std::string& text) {
        const auto number = number_of<double>(text);
        if (number && std::isfinite(*number) && (*number > 0 || (is_allowed && *number == 0)))
          return std::string();
        return fmt::format("\"{}\" is no number {}", text, is_allowed ? "from 0 on" : "above 0");
      },
      is_allowed ? "from 0 on" : "above 0");
}

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
