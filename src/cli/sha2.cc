#include "cli/sha2.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace semel::cli {
namespace {

/// Cube roots of the first 80 primes, their fractions' first 64 bits; SHA-256 takes the upper
/// halves of the first 64.
constexpr std::array<uint64_t, 80> kRoundConstants = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817};
/// Square roots of the first 8 primes, likewise.
constexpr std::array<uint64_t, 8> kInitial = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};

struct Rotations {
  int a, b, c;
};

/// What differs between the two (FIPS 180-4, 4.1.2 and 4.1.3).
template <class Word>
struct Sha2;
template <>
struct Sha2<uint32_t> {
  static constexpr size_t kRounds = 64;
  static constexpr Rotations kSum0{2, 13, 22}, kSum1{6, 11, 25}, kSigma0{7, 18, 3},
      kSigma1{17, 19, 10};
};
template <>
struct Sha2<uint64_t> {
  static constexpr size_t kRounds = 80;
  static constexpr Rotations kSum0{28, 34, 39}, kSum1{14, 18, 41}, kSigma0{1, 8, 7},
      kSigma1{19, 61, 6};
};

template <class Word>
constexpr Word upper(uint64_t bits) {
  return static_cast<Word>(bits >> (64 - 8 * sizeof(Word)));
}
template <class Word>
Word sum(Word x, Rotations r) {
  return std::rotr(x, r.a) ^ std::rotr(x, r.b) ^ std::rotr(x, r.c);
}
template <class Word>
Word sigma(Word x, Rotations r) {
  return std::rotr(x, r.a) ^ std::rotr(x, r.b) ^ (x >> r.c);
}

template <class Word>
void compress(std::array<Word, 8>& state, const uint8_t* block) {
  using Sha = Sha2<Word>;
  std::array<Word, Sha::kRounds> w;
  for (size_t t = 0; t < 16; ++t) {
    w[t] = 0;
    for (size_t i = 0; i < sizeof(Word); ++i)
      w[t] = static_cast<Word>(w[t] << 8) | block[t * sizeof(Word) + i];
  }
  for (size_t t = 16; t < Sha::kRounds; ++t)
    w[t] = sigma(w[t - 2], Sha::kSigma1) + w[t - 7] + sigma(w[t - 15], Sha::kSigma0) + w[t - 16];
  auto [a, b, c, d, e, f, g, h] = state;
  for (size_t t = 0; t < Sha::kRounds; ++t) {
    const Word first =
        h + sum(e, Sha::kSum1) + ((e & f) ^ (~e & g)) + upper<Word>(kRoundConstants[t]) + w[t];
    const Word second = sum(a, Sha::kSum0) + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + first;
    d = c;
    c = b;
    b = a;
    a = first + second;
  }
  const std::array<Word, 8> mixed = {a, b, c, d, e, f, g, h};
  for (size_t i = 0; i < 8; ++i) state[i] += mixed[i];
}

template <class Word>
Digest digest(std::span<const uint8_t> message) {
  constexpr size_t kBlock = 16 * sizeof(Word);
  std::array<Word, 8> state;
  for (size_t i = 0; i < 8; ++i) state[i] = upper<Word>(kInitial[i]);
  // One bit, zeros, and the length in bits fill the last block.
  Digest padded(message.begin(), message.end());
  padded.push_back(0x80);
  // The length has two words, of which 8 bytes are enough for any message here.
  while (padded.size() % kBlock != kBlock - 2 * sizeof(Word)) padded.push_back(0);
  padded.resize(padded.size() + 2 * sizeof(Word) - 8);
  for (int shift = 56; shift >= 0; shift -= 8)
    padded.push_back(static_cast<uint8_t>(uint64_t{message.size()} * 8 >> shift));
  for (size_t at = 0; at < padded.size(); at += kBlock) compress(state, padded.data() + at);
  Digest out;
  for (const Word word : state)
    for (int shift = 8 * (static_cast<int>(sizeof(Word)) - 1); shift >= 0; shift -= 8)
      out.push_back(static_cast<uint8_t>(word >> shift));
  return out;
}

}  // namespace

Digest sha2(Sha2Kind kind, std::span<const uint8_t> message) {
  return kind == Sha2Kind::k256 ? digest<uint32_t>(message) : digest<uint64_t>(message);
}

Digest hmac(Sha2Kind kind, std::span<const uint8_t> key, std::span<const uint8_t> message) {
  const size_t block = kind == Sha2Kind::k256 ? 64 : 128;
  Digest own = key.size() > block ? sha2(kind, key) : Digest(key.begin(), key.end());
  own.resize(block);
  const auto keyed = [&](uint8_t pad, std::span<const uint8_t> rest) {
    Digest text = own;
    for (uint8_t& byte : text) byte ^= pad;
    text.insert(text.end(), rest.begin(), rest.end());
    return sha2(kind, text);
  };
  return keyed(0x5c, keyed(0x36, message));
}

Digest pbkdf2(Sha2Kind kind, std::span<const uint8_t> password, std::span<const uint8_t> salt,
              int32_t iterations) {
  Digest first(salt.begin(), salt.end());
  first.insert(first.end(), {0, 0, 0, 1});
  Digest last = hmac(kind, password, first);
  Digest result = last;
  for (int32_t i = 1; i < iterations; ++i) {
    last = hmac(kind, password, last);
    for (size_t at = 0; at < result.size(); ++at) result[at] ^= last[at];
  }
  return result;
}

}  // namespace semel::cli
