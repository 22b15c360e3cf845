// UniqueFunction: a move-only callable with room for 48 bytes of captures before it uses the heap.
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace semel::rt {

template <class Signature>
class UniqueFunction;

template <class R, class... Args>
class UniqueFunction<R(Args...)> {
 public:
  UniqueFunction() = default;
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, UniqueFunction> &&
             std::is_invocable_r_v<R, F&, Args...>)
  UniqueFunction(F&& callable) {  // NOLINT: conversion is the point
    using Stored = std::remove_cvref_t<F>;
    if constexpr (sizeof(Stored) <= kInline && alignof(Stored) <= alignof(std::max_align_t) &&
                  std::is_nothrow_move_constructible_v<Stored>) {
      new (place_) Stored(std::forward<F>(callable));
      table_ = &kInlineTable<Stored>;
    } else {
      new (place_) Stored*(new Stored(std::forward<F>(callable)));
      table_ = &kHeapTable<Stored>;
    }
  }
  UniqueFunction(UniqueFunction&& other) noexcept : table_(std::exchange(other.table_, nullptr)) {
    if (table_ != nullptr) table_->move(other.place_, place_);
  }
  UniqueFunction& operator=(UniqueFunction&& other) noexcept {
    if (this != &other) {
      clear();
      table_ = std::exchange(other.table_, nullptr);
      if (table_ != nullptr) table_->move(other.place_, place_);
    }
    return *this;
  }
  ~UniqueFunction() { clear(); }

  explicit operator bool() const { return table_ != nullptr; }
  R operator()(Args... args) { return table_->call(place_, std::forward<Args>(args)...); }

 private:
  static constexpr size_t kInline = 48;
  struct Table {
    R (*call)(void*, Args&&...);
    void (*move)(void* from, void* to);
    void (*destroy)(void*);
  };
  template <class F>
  static constexpr Table kInlineTable{[](void* at, Args&&... args) -> R {
                                        return (*static_cast<F*>(at))(std::forward<Args>(args)...);
                                      },
                                      [](void* from, void* to) {
                                        new (to) F(std::move(*static_cast<F*>(from)));
                                        static_cast<F*>(from)->~F();
                                      },
                                      [](void* at) { static_cast<F*>(at)->~F(); }};
  template <class F>
  static constexpr Table kHeapTable{
      [](void* at, Args&&... args) -> R {
        return (**static_cast<F**>(at))(std::forward<Args>(args)...);
      },
      [](void* from, void* to) { new (to) F*(*static_cast<F**>(from)); },
      [](void* at) { delete *static_cast<F**>(at); }};

  void clear() {
    if (table_ != nullptr) std::exchange(table_, nullptr)->destroy(place_);
  }

  const Table* table_ = nullptr;
  alignas(std::max_align_t) std::byte place_[kInline];
};

}  // namespace semel::rt
