// WorkPool: recycled state of waiting requests. One reactor's.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace semel::api {

template <class T>
class WorkPool {
 public:
  static constexpr size_t kKept = 256;

  /// `make()` returns a std::unique_ptr<T>.
  template <class Make>
  T& take(Make&& make) {
    if (free_.empty()) return *make().release();
    T* work = free_.back().release();
    free_.pop_back();
    return *work;
  }
  void give_back(T& work) {
    std::unique_ptr<T> owned(&work);
    if (free_.size() < kKept) free_.push_back(std::move(owned));
  }

 private:
  std::vector<std::unique_ptr<T>> free_;
};

}  // namespace semel::api
