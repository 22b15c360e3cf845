// Checksums of the record formats: CRC-32C (Castagnoli) of v2 batches, CRC-32 (zlib) of v0/v1
// messages.
#pragma once

#include <cstdint>

#include "bytes/buffer.h"

namespace semel::bytes {

/// CRC-32C of `bytes`. `seed` is the CRC of the bytes before them, so that
/// crc32c(b, crc32c(a)) == crc32c(a followed by b).
uint32_t crc32c(ByteSpan bytes, uint32_t seed = 0);

/// CRC-32 (reflected 0xEDB88320, as zlib and gzip) of `bytes`; `seed` as above.
uint32_t crc32(ByteSpan bytes, uint32_t seed = 0);

/// CRC-32C of (a followed by b), from the checksums of both and the length of b in bytes
/// (below 4 GiB).
uint32_t crc32c_combine(uint32_t crc_a, uint32_t crc_b, uint64_t length_b);

/// CRC-32C of a message in which some bytes changed while its length stayed the same. `difference`
/// is (old bytes XOR new bytes) of the changed range, `bytes_after` the number of bytes behind that
/// range (below 4 GiB). Costs the length of the range plus O(log bytes_after), so a header patch
/// does not read the payload.
uint32_t crc32c_patch(uint32_t crc, ByteSpan difference, uint64_t bytes_after);

}  // namespace semel::bytes
