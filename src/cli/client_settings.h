// What the commands that use the client library share: settings from files and `key=value` words,
// and the words in which Java's clients complain.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cli/output.h"
#include "client/config_table.h"
#include "rt/disk.h"

namespace semel::cli {

using Settings = std::vector<client::ClientSetting>;

/// A later setting replaces an earlier one of the same key.
void put_setting(Settings& settings, std::string key, std::string value);
bool has_setting(const Settings& settings, std::string_view key);
/// Reads a properties file. Errors: kNotFound; kInvalidConfig (a broken escape).
Result<void> add_settings_file(Settings& settings, rt::Disk& disk, const std::string& path);
/// Each word is `key=value`; `key` and `key=` mean an empty value. Error: kInvalidRequest (no key).
Result<void> add_settings_words(Settings& settings, std::span<const std::string> words);

/// "org.apache.kafka.common.config.ConfigException: TEXT", as a Java stack trace begins.
std::string java_text(const client::ConfigRefusal& refusal);
/// "org.apache.kafka.common.errors.TimeoutException: TEXT".
std::string java_text(const Error& error);

}  // namespace semel::cli
