// Counts heap allocations of a piece of code, C libraries included. Needs AddressSanitizer's hooks.
#pragma once

#include <cstddef>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if __has_feature(address_sanitizer)
#include <sanitizer/allocator_interface.h>
inline constexpr bool kCountsAllocations = true;
#else
inline constexpr bool kCountsAllocations = false;
#endif

namespace semel::record::testing {

// Of this thread: what others allocate meanwhile is not counted.
inline thread_local size_t allocations = 0;
inline thread_local bool is_counting = false;

/// Allocations of `code()`; always 0 where they cannot be counted.
template <class Code>
size_t allocations_of(Code&& code) {
#if __has_feature(address_sanitizer)
  static const int installed = __sanitizer_install_malloc_and_free_hooks(
      [](const volatile void*, size_t) { allocations += is_counting ? 1 : 0; },
      [](const volatile void*) {});
  (void)installed;
#endif
  allocations = 0;
  is_counting = true;
  code();
  is_counting = false;
  return allocations;
}

}  // namespace semel::record::testing
