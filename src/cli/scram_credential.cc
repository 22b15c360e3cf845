#include "cli/scram_credential.h"

#include <algorithm>

namespace semel::cli {
namespace {

constexpr ScramMechanism kMechanisms[] = {{"SCRAM-SHA-256", "SCRAM_SHA_256", 1, Sha2Kind::k256},
                                          {"SCRAM-SHA-512", "SCRAM_SHA_512", 2, Sha2Kind::k512}};
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

const ScramMechanism* find_scram(std::string_view name) {
  const auto at = std::ranges::find(kMechanisms, name, &ScramMechanism::name);
  return at == std::end(kMechanisms) ? nullptr : at;
}

const ScramMechanism* find_scram(int8_t number) {
  const auto at = std::ranges::find(kMechanisms, number, &ScramMechanism::number);
  return at == std::end(kMechanisms) ? nullptr : at;
}

Digest random_salt(rt::Random& random) {
  constexpr size_t kSize = 25;
  constexpr std::string_view kLetters = "0123456789abcdefghijklmnopqrstuvwxyz";
  Digest salt;
  for (size_t i = 0; i < kSize; ++i)
    salt.push_back(static_cast<uint8_t>(kLetters[random.below(kLetters.size())]));
  return salt;
}

Digest scram_stored_key(const ScramMechanism& mechanism, const Digest& salted_password) {
  return sha2(mechanism.hash, hmac(mechanism.hash, salted_password, octets("Client Key")));
}

Digest scram_server_key(const ScramMechanism& mechanism, const Digest& salted_password) {
  return hmac(mechanism.hash, salted_password, octets("Server Key"));
}

std::optional<Digest> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  size_t padding = 0;
  while (padding < 2 && text.ends_with('=')) {
    text.remove_suffix(1);
    ++padding;
  }
  Digest bytes;
  uint32_t bits = 0;
  size_t count = 0;
  for (const char c : text) {
    const size_t value = kBase64.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    bits = (bits << 6) | static_cast<uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<uint8_t>(bits >> count));
  }
  return bytes;
}

}  // namespace semel::cli
