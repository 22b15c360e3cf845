// Literals for sizes in bytes.
#pragma once

#include <cstddef>

namespace semel {

inline constexpr size_t operator""_KiB(unsigned long long n) { return n << 10; }
inline constexpr size_t operator""_MiB(unsigned long long n) { return n << 20; }
inline constexpr size_t operator""_GiB(unsigned long long n) { return n << 30; }

}  // namespace semel
