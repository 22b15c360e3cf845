#include "cli/completion.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/text.h"

namespace semel::cli {
namespace {

constexpr std::string_view kHelp =
    "Prints shell completion for semel and for Kafka's names.\n"
    "\n"
    "Examples:\n"
    "  source <(semel completion bash)\n"
    "  semel completion bash > /etc/bash_completion.d/semel\n"
    "  semel completion zsh > \"${fpath[1]}/_semel\"\n"
    "  semel completion fish > ~/.config/fish/completions/semel.fish\n";

/// A command with its words: `path` is "topic create", or a Kafka name.
struct Node {
  std::string path;
  std::string about;
  HelpWords words;
};

bool is_option_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

/// Options at the start of a line: "  -o,--output TEXT", "--topic <String: topic>".
void take_options(std::string_view line, std::vector<std::string>& options) {
  size_t at = line.find_first_not_of(' ');
  while (at != std::string_view::npos && at < line.size() && line[at] == '-') {
    size_t end = at;
    while (end < line.size() && is_option_char(line[end])) ++end;
    const std::string option(line.substr(at, end - at));
    if (option.find_first_not_of('-') != std::string::npos) options.push_back(option);
    at = line.find_first_not_of(", ", end);
    if (at == std::string_view::npos || at > end + 2) return;
  }
}

HelpWords ask(const Command& command, std::vector<std::string> words,
              const CommandContext& context) {
  CapturedOutput captured;
  CommandContext quiet{captured,        context.runtime, context.paths,
                       context.connect, context.style,   context.serve};
  words.emplace_back("--help");
  command.run(words, quiet);
  return read_help(captured.stdout_text + captured.stderr_text);
}

std::vector<Node> semel_nodes(const CommandContext& context) {
  std::vector<Node> nodes;
  for (const Command& command : semel_commands()) {
    const std::string name(command.name);
    if (name == "completion" || name == "version") {
      nodes.push_back({name, std::string(command.about), {}});
      if (name == "completion") nodes.back().words.subcommands = {"bash", "zsh", "fish"};
      continue;
    }
    nodes.push_back({name, std::string(command.about), ask(command, {}, context)});
    for (const std::string& sub : std::vector(nodes.back().words.subcommands))
      nodes.push_back({name + " " + sub, "", ask(command, {sub}, context)});
  }
  return nodes;
}

std::vector<Node> kafka_nodes(const CommandContext& context) {
  std::vector<Node> nodes;
  for (const Command& command : kafka_commands())
    nodes.push_back({std::string(command.name), "", ask(command, {}, context)});
  return nodes;
}

std::string joined(const Node& node) {
  return fmt::format("{} {}", fmt::join(node.words.subcommands, " "),
                     fmt::join(node.words.options, " "));
}

std::string first_words() {
  std::string words = "--help --version";
  for (const Command& command : semel_commands()) words += fmt::format(" {}", command.name);
  return words;
}

std::string bash(const std::vector<Node>& own, const std::vector<Node>& kafka) {
  std::string text =
      "# semel completion bash\n_semel() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} words=\n"
      "  local first=${COMP_WORDS[1]-} second=${COMP_WORDS[2]-}\n"
      "  COMPREPLY=()\n"
      "  [[ $COMP_CWORD -lt 2 ]] && first=\n"
      "  [[ $COMP_CWORD -lt 3 ]] && second=\n"
      "  case \"$first $second\" in\n";
  text += fmt::format("    ' ') words='{}' ;;\n", first_words());
  // A command with its subcommand comes before the command alone.
  for (const bool is_sub : {true, false})
    for (const Node& node : own)
      if (node.path.contains(' ') == is_sub)
        text += fmt::format("    '{}{}) words='{}' ;;\n", node.path, is_sub ? "'" : " '*",
                            joined(node));
  text +=
      "  esac\n"
      "  if [[ $word == -* || -n $words && $COMP_CWORD -lt 3 ]]; then\n"
      "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
      "  fi\n"
      "  [[ ${#COMPREPLY[@]} -gt 0 ]] || COMPREPLY=($(compgen -f -- \"$word\"))\n"
      "}\n"
      "complete -o filenames -F _semel semel\n";
  for (const Node& node : kafka)
    text += fmt::format("complete -o default -W '{}' {}\n", joined(node), node.path);
  return text;
}

std::string zsh(const std::vector<Node>& own, const std::vector<Node>& kafka) {
  std::string names = "semel";
  for (const Node& node : kafka) names += " " + node.path;
  std::string text = fmt::format(
      "#compdef {}\n# semel completion zsh\n_semel() {{\n"
      "  local words_here=\n  case $service in\n",
      names);
  for (const Node& node : kafka)
    text += fmt::format("    {}) words_here='{}' ;;\n", node.path, joined(node));
  text +=
      "    *)\n      local first=${words[2]-} second=${words[3]-}\n"
      "      (( CURRENT < 3 )) && first=\n      (( CURRENT < 4 )) && second=\n"
      "      case \"$first $second\" in\n";
  text += fmt::format("        ' ') words_here='{}' ;;\n", first_words());
  for (const bool is_sub : {true, false})
    for (const Node& node : own)
      if (node.path.contains(' ') == is_sub)
        text += fmt::format("        '{}{}) words_here='{}' ;;\n", node.path, is_sub ? "'" : " '*",
                            joined(node));
  return text +
         "      esac ;;\n  esac\n  compadd -- ${=words_here}\n  _files\n}\n"
         "if [[ $funcstack[1] == _semel ]]; then _semel \"$@\"; else compdef _semel " +
         names + "; fi\n";
}

std::string fish(const std::vector<Node>& own, const std::vector<Node>& kafka) {
  std::string text = "# semel completion fish\n";
  const auto add_options = [&](const Node& node, std::string_view condition) {
    for (const std::string& option : node.words.options)
      text += fmt::format("complete -c {} {}{} {}\n", condition.empty() ? node.path : "semel",
                          condition, option.starts_with("--") ? " -l" : " -s",
                          option.substr(option.starts_with("--") ? 2 : 1));
  };
  for (const Node& node : own) {
    const size_t space = node.path.find(' ');
    if (space == std::string::npos) {
      text += fmt::format("complete -c semel -n __fish_use_subcommand -a {} -d '{}'\n", node.path,
                          node.about.find('\'') == std::string::npos ? node.about : "");
      for (const std::string& sub : node.words.subcommands)
        text += fmt::format("complete -c semel -n '__fish_seen_subcommand_from {}' -a {}\n",
                            node.path, sub);
    }
    add_options(node, fmt::format("-n '__fish_seen_subcommand_from {}'",
                                  node.path.substr(space == std::string::npos ? 0 : space + 1)));
  }
  for (const Node& node : kafka) add_options(node, "");
  return text;
}

}  // namespace

HelpWords read_help(std::string_view help) {
  HelpWords found;
  bool is_in_commands = false;
  for (const std::string& line : split_text(help, '\n')) {
    const bool is_indented = line.starts_with("  ");
    if (!line.empty() && !is_indented) is_in_commands = line.starts_with("Subcommands:");
    if (is_in_commands && is_indented) {
      const std::string word = line.substr(2, line.find(' ', 2) - 2);
      if (!word.empty() && word.front() != '-') found.subcommands.push_back(word);
    } else if (!is_in_commands) {
      take_options(line, found.options);
    }
  }
  std::set<std::string> seen;
  std::erase_if(found.options,
                [&](const std::string& option) { return !seen.insert(option).second; });
  return found;
}

int run_completion_command(std::span<const std::string> arguments, CommandContext& context) {
  const std::string shell = arguments.empty() ? "" : arguments.front();
  if (shell == "--help" || shell == "-h") {
    context.output.out(kHelp);
    return kOk;
  }
  if (arguments.size() != 1 || (shell != "bash" && shell != "zsh" && shell != "fish")) {
    context.output.err("semel completion: name one shell: bash, zsh or fish\n");
    return kUsage;
  }
  const auto own = semel_nodes(context);
  const auto kafka = kafka_nodes(context);
  context.output.out(shell == "bash"  ? bash(own, kafka)
                     : shell == "zsh" ? zsh(own, kafka)
                                      : fish(own, kafka));
  return kOk;
}

}  // namespace semel::cli
