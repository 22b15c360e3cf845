#include "base/ids.h"

namespace semel {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

}  // namespace

std::string Uuid::to_text() const {
  std::string text;
  text.reserve(22);
  uint32_t pending = 0;
  int bits = 0;
  for (uint8_t byte : bytes) {
    pending = (pending << 8) | byte;
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      text.push_back(kAlphabet[(pending >> bits) & 63]);
    }
  }
  text.push_back(kAlphabet[(pending << (6 - bits)) & 63]);
  return text;
}

std::optional<Uuid> Uuid::from_text(std::string_view text) {
  if (text.size() != 22) return std::nullopt;
  Uuid id;
  uint32_t pending = 0;
  int bits = 0;
  size_t at = 0;
  for (char c : text) {
    const size_t digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    pending = (pending << 6) | static_cast<uint32_t>(digit);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      if (at < id.bytes.size()) id.bytes[at++] = static_cast<uint8_t>(pending >> bits);
    }
  }
  return id;
}

Uuid Uuid::from_halves(uint64_t high, uint64_t low) {
  Uuid id;
  for (size_t i = 0; i < 8; ++i) {
    id.bytes[i] = static_cast<uint8_t>(high >> (56 - 8 * i));
    id.bytes[8 + i] = static_cast<uint8_t>(low >> (56 - 8 * i));
  }
  return id;
}

uint64_t Uuid::high() const {
  uint64_t value = 0;
  for (size_t i = 0; i < 8; ++i) value = (value << 8) | bytes[i];
  return value;
}

uint64_t Uuid::low() const {
  uint64_t value = 0;
  for (size_t i = 8; i < 16; ++i) value = (value << 8) | bytes[i];
  return value;
}

std::string TopicPartition::to_text() const {
  return topic + "-" + std::to_string(partition.value);
}

}  // namespace semel
