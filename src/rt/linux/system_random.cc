#include "rt/linux/system_random.h"

#include <cerrno>
#include <span>
#include <utility>

#include <sys/random.h>

#include "base/assert.h"

namespace semel::rt::linux_os {
namespace {

void fill(std::span<std::byte> into) {
  while (!into.empty()) {
    const ssize_t count = ::getrandom(into.data(), into.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    SEMEL_ASSERT(count > 0, "getrandom failed");
    into = into.subspan(static_cast<size_t>(count));
  }
}

}  // namespace

// Words are wiped when they are handed out: ids and nonces are not to be found in memory twice.
uint64_t SystemRandom::next() {
  auto block = block_.lock();
  if (block->used == block->words.size()) {
    fill(std::as_writable_bytes(std::span(block->words)));
    block->used = 0;
  }
  return std::exchange(block->words[block->used++], 0);
}

}  // namespace semel::rt::linux_os
