// Java properties text (java.util.Properties), as server.properties and meta.properties are
// written.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace semel::broker {

/// One `key=value`, with the place it came from: "server.properties:12" or "--set".
struct Setting {
  std::string key;
  std::string value;
  std::string origin;
};

/// Parses properties text: `#` and `!` comments, `=`, `:` or blank separators, `\` continuation and
/// escapes (\t \n \r \f \\ \uXXXX). `name` is used in origins and errors. A key given twice keeps
/// both settings in order; the later wins. Error: kInvalidConfig with file and line (a broken \u
/// escape).
Result<std::vector<Setting>> parse_properties(std::string_view text, std::string_view name);

}  // namespace semel::broker
