#include "base/assert.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace semel {
namespace {

void print_failure(std::string_view expression, std::string_view file, int line,
                   std::string_view message) {
  std::fprintf(stderr, "semel: invariant broken: %.*s at %.*s:%d %.*s\n",
               static_cast<int>(expression.size()), expression.data(),
               static_cast<int>(file.size()), file.data(), line, static_cast<int>(message.size()),
               message.data());
}

std::atomic<AssertHandler> assert_handler{&print_failure};

}  // namespace

void set_assert_handler(AssertHandler handler) { assert_handler.store(handler); }

void assert_failed(std::string_view expression, std::string_view file, int line,
                   std::string_view message) {
  assert_handler.load()(expression, file, line, message);
  std::abort();
}

}  // namespace semel
