// ResponseQueue: the requests of one connection that are not answered completely yet, in the order
// in which they came. Responses leave from its head only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "api/request_context.h"
#include "base/assert.h"

namespace semel::net {

/// How far a response has been sent.
struct ResponseCursor {
  size_t memory = 0;  // bytes of Response::out
  size_t splice = 0;  // splices sent completely
  uint64_t file = 0;  // bytes of the present splice

  bool is_at_end(const api::Response& response) const {
    return memory == response.out.written().size() && splice == response.out.splices().size();
  }
};

/// One request between its arrival and the last byte of its answer.
struct Exchange final : api::RequestContext {
  ResponseCursor sent;
  bool is_finished = false;  // `response` is complete
  Exchange* next_free = nullptr;
};

class ResponseQueue {
 public:
  static constexpr size_t kCapacity = 64;

  bool empty() const { return size_ == 0; }
  bool full() const { return size_ == kCapacity; }
  size_t size() const { return size_; }
  /// `index` counts from the oldest.
  Exchange& at(size_t index) {
    SEMEL_ASSERT(index < size_);
    return *ring_[(head_ + index) % kCapacity];
  }
  Exchange& front() { return at(0); }
  void push(Exchange& exchange) {
    SEMEL_ASSERT(!full());
    ring_[(head_ + size_) % kCapacity] = &exchange;
    ++size_;
  }
  /// Takes back what was pushed last.
  void drop_newest() {
    SEMEL_ASSERT(!empty());
    --size_;
  }
  Exchange& pop() {
    Exchange& exchange = front();
    head_ = (head_ + 1) % kCapacity;
    --size_;
    return exchange;
  }

 private:
  std::array<Exchange*, kCapacity> ring_;
  size_t head_ = 0;
  size_t size_ = 0;
};

}  // namespace semel::net
