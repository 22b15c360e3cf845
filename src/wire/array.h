// Array: the repeated field of a message. It is a vector whose elements survive clear(), so that a
// message decoded or filled again and again does not allocate in steady state.
//
// Invariant: stored elements behind size() are in their reset state and hold no Buffer, so that a
// recycled message keeps no frame alive.
#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/assert.h"

namespace semel::wire {

/// Brings a recycled element to its default; capacities of strings and arrays are kept.
template <class T>
void reset_element(T& element) {
  if constexpr (requires { element.reset(); }) {
    element.reset();
  } else if constexpr (std::is_same_v<T, std::string>) {
    element.clear();
  } else {
    element = T{};
  }
}

template <class T>
class Array {
 public:
  using value_type = T;
  /// Elements kept for re-use by clear(); what a larger message needed is given back.
  static constexpr size_t kKeptElements = 4096;

  Array() = default;
  Array(std::initializer_list<T> elements) : items_(elements), size_(elements.size()) {}
  explicit Array(std::vector<T> elements) : items_(std::move(elements)), size_(items_.size()) {}
  Array(const Array& other) : items_(other.begin(), other.end()), size_(other.size_) {}
  Array(Array&& other) noexcept
      : items_(std::move(other.items_)), size_(std::exchange(other.size_, 0)) {}
  Array& operator=(const Array& other) {
    if (this == &other) return *this;
    clear();
    for (const T& element : other) append() = element;
    return *this;
  }
  Array& operator=(Array&& other) noexcept {
    items_ = std::move(other.items_);
    size_ = std::exchange(other.size_, 0);
    other.items_.clear();
    return *this;
  }
  ~Array() = default;

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* data() { return items_.data(); }
  const T* data() const { return items_.data(); }
  T* begin() { return items_.data(); }
  T* end() { return items_.data() + size_; }
  const T* begin() const { return items_.data(); }
  const T* end() const { return items_.data() + size_; }
  std::span<const T> span() const { return {data(), size_}; }
  T& operator[](size_t index) {
    SEMEL_ASSERT(index < size_);
    return items_[index];
  }
  const T& operator[](size_t index) const {
    SEMEL_ASSERT(index < size_);
    return items_[index];
  }
  T& front() { return (*this)[0]; }
  const T& front() const { return (*this)[0]; }
  T& back() { return (*this)[size_ - 1]; }
  const T& back() const { return (*this)[size_ - 1]; }

  void reserve(size_t count) { items_.reserve(count); }
  /// A new last element in its default state. References to other elements may become invalid.
  T& append() {
    if (size_ == items_.size()) {
      items_.emplace_back();
    } else if constexpr (std::is_trivially_copyable_v<T>) {
      items_[size_] = T{};
    }
    return items_[size_++];
  }
  void push_back(T element) { append() = std::move(element); }
  void pop_back() {
    SEMEL_ASSERT(size_ > 0);
    reset_element(items_[--size_]);
  }
  template <class Iterator>
  void assign(Iterator first, Iterator last) {
    clear();
    for (; first != last; ++first) append() = *first;
  }
  /// Empties the array; see kKeptElements.
  void clear() { finish(0); }

  /// For decoders, which assign every field: `count` elements from the first on, new ones or the
  /// stored ones with whatever they held; memory for no more than that is taken. finish(count) must
  /// follow.
  T* slots(size_t count) {
    if (count > items_.size()) [[unlikely]]
      grow(count);
    size_ = std::max(size_, count);
    return items_.data();
  }
  /// Cuts the array to `count` ≤ size() elements and resets the others.
  void finish(size_t count) {
    if constexpr (!std::is_trivially_copyable_v<T>) {
      for (size_t i = count; i < size_; ++i) reset_element(items_[i]);
    }
    size_ = count;
    if (items_.size() > kKeptElements && count <= kKeptElements) [[unlikely]] {
      items_.resize(kKeptElements);
      items_.shrink_to_fit();
    }
  }

  bool operator==(const Array& other) const {
    return std::equal(begin(), end(), other.begin(), other.end());
  }

 private:
  [[gnu::noinline]] void grow(size_t count) {
    items_.reserve(count);
    items_.resize(count);
  }

  std::vector<T> items_;
  size_t size_ = 0;
};

/// An Array that may be null. Appending makes it non-null; clear() leaves it empty and non-null.
template <class T>
class NullableArray : public Array<T> {
 public:
  using Array<T>::Array;
  NullableArray() = default;
  NullableArray(std::nullptr_t) : null_(true) {}  // NOLINT: a literal null is what the schema says

  bool is_null() const { return null_; }
  void set_null() {
    Array<T>::clear();
    null_ = true;
  }
  T& append() {
    null_ = false;
    return Array<T>::append();
  }
  void push_back(T element) { append() = std::move(element); }
  template <class Iterator>
  void assign(Iterator first, Iterator last) {
    null_ = false;
    Array<T>::assign(first, last);
  }
  void clear() { finish(0); }
  void finish(size_t count) {
    null_ = false;
    Array<T>::finish(count);
  }
  bool operator==(const NullableArray& other) const {
    return null_ == other.null_ && Array<T>::operator==(other);
  }

 private:
  bool null_ = false;
};

}  // namespace semel::wire
