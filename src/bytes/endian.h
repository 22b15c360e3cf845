// Big-endian (network order) loads and stores at any alignment.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>

namespace semel::bytes {

template <std::integral T>
T load_be(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return std::byteswap(value);
}

template <std::integral T>
void store_be(std::byte* to, T value) {
  value = std::byteswap(value);
  std::memcpy(to, &value, sizeof value);
}

static_assert(std::endian::native == std::endian::little);

}  // namespace semel::bytes
