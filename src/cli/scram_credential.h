// Credentials of SCRAM as the tools take them from a command line. Source: RFC 5802, KIP-84,
// KIP-554, KIP-900.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/sha2.h"
#include "rt/random.h"

namespace semel::cli {

struct ScramMechanism {
  std::string_view name;       // "SCRAM-SHA-256"
  std::string_view enum_name;  // "SCRAM_SHA_256"
  int8_t number;
  Sha2Kind hash;
};
inline constexpr int32_t kScramIterationsMin = 4'096;
inline constexpr int32_t kScramIterationsMax = 16'384;

/// Null if it is none.
const ScramMechanism* find_scram(std::string_view name);
const ScramMechanism* find_scram(int8_t number);

/// Text as bytes.
inline std::span<const uint8_t> octets(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
/// Letters and digits, as Kafka's.
Digest random_salt(rt::Random& random);
Digest scram_stored_key(const ScramMechanism& mechanism, const Digest& salted_password);
Digest scram_server_key(const ScramMechanism& mechanism, const Digest& salted_password);
/// Nothing if `text` is not base64.
std::optional<Digest> from_base64(std::string_view text);

}  // namespace semel::cli
