// Lets AddressSanitizer see uses of memory that a cache keeps for later; nothing in other builds.
#pragma once

#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define SEMEL_POISON(address, size) ASAN_POISON_MEMORY_REGION(address, size)
#define SEMEL_UNPOISON(address, size) ASAN_UNPOISON_MEMORY_REGION(address, size)
#else
#define SEMEL_POISON(address, size) static_cast<void>(address)
#define SEMEL_UNPOISON(address, size) static_cast<void>(address)
#endif
