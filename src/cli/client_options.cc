#include "cli/client_options.h"

#include <CLI/Validators.hpp>

namespace semel::cli {

void ClientOptions::add_to(CLI::App& app, const std::string& kind,
                           const std::string& output_about) {
  app.add_option("--bootstrap-server,-b", cluster.servers, "host:port of any broker")
      ->capture_default_str();
  app.add_option("--command-config", cluster.settings_file,
                 "file with " + kind + " settings, key=value");
  app.add_option("-o,--output", format, output_about)->check(CLI::IsMember({"text", "json"}));
}

void TopicOptions::add_to(CLI::App& app, const Words& words) {
  app.add_option("topic", topic, words.topic)->required();
  ClientOptions::add_to(app, words.kind, words.output);
  app.add_option(words.set, settings, "one " + words.kind + " setting, key=value; may be repeated")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

Result<Settings> TopicOptions::read_settings(Settings base, rt::Disk& disk) const {
  put_setting(base, "bootstrap.servers", cluster.servers);
  if (!cluster.settings_file.empty())
    SEMEL_CHECK(add_settings_file(base, disk, cluster.settings_file));
  SEMEL_CHECK(add_settings_words(base, settings));
  return base;
}

}  // namespace semel::cli
