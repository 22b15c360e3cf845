// SHA-256 and SHA-512, HMAC and PBKDF2 over them, as SCRAM needs them. Source: FIPS 180-4,
// RFC 2104, RFC 8018.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace semel::cli {

enum class Sha2Kind : uint8_t { k256, k512 };
using Digest = std::vector<uint8_t>;

Digest sha2(Sha2Kind kind, std::span<const uint8_t> message);
Digest hmac(Sha2Kind kind, std::span<const uint8_t> key, std::span<const uint8_t> message);
/// The first block; `iterations` ≥ 1.
Digest pbkdf2(Sha2Kind kind, std::span<const uint8_t> password, std::span<const uint8_t> salt,
              int32_t iterations);

}  // namespace semel::cli
