// Published<T>: an immutable value that one side replaces and many read.
#pragma once

#include <memory>
#include <utility>

#include "rt/guarded.h"

namespace semel::log {

/// Any thread. A reader keeps what it loaded for as long as it likes.
template <class T>
class Published {
 public:
  std::shared_ptr<const T> load() const {
    return value_.with([](const std::shared_ptr<const T>& value) { return value; });
  }
  void store(std::shared_ptr<const T> value) {
    value_.with([&](std::shared_ptr<const T>& current) { std::swap(current, value); });
  }

 private:
  mutable rt::Guarded<std::shared_ptr<const T>> value_;
};

}  // namespace semel::log
