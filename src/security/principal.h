// Principal: who a connection speaks for (KIP-11). Fixed for the life of a connection.
#pragma once

#include <string>

namespace semel::security {

struct Principal {
  std::string type = "User";
  std::string name = "ANONYMOUS";

  bool operator==(const Principal&) const = default;
  /// "User:alice"
  std::string to_text() const { return type + ":" + name; }
};

}  // namespace semel::security
