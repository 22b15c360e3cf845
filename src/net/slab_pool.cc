#include "net/slab_pool.h"

#include <new>

#include "base/assert.h"

namespace semel::net {

/// Header of a slab; its bytes follow.
struct alignas(64) SlabPool::Node final : bytes::BufferStorage {
  Node(Core& c, size_t cap, int cls)
      : BufferStorage(&SlabPool::release), core(&c), capacity(cap), size_class(cls) {}
  std::byte* data() { return reinterpret_cast<std::byte*>(this + 1); }

  Core* core;
  size_t capacity;
  int size_class;  // −1 = larger than all classes, never kept
  Node* next = nullptr;
};

/// Outlives the pool until the last slab is back.
struct SlabPool::Core {
  struct Shelf {
    Node* first = nullptr;
    size_t count = 0;
  };

  Core(MemoryBudget& b, rt::Executor& o) : budget(b), owner(o) {}

  static void destroy(Node* node) {
    node->~Node();
    ::operator delete(node, std::align_val_t{alignof(Node)});
  }
  void keep(Node* node) {
    const size_t shelf_index = static_cast<size_t>(node->size_class);
    Shelf& shelf = shelves[shelf_index];
    if (shelf.count >= kKept[shelf_index]) return destroy(node);
    node->next = shelf.first;
    shelf.first = node;
    ++shelf.count;
  }
  void collect_returned() {
    Node* node = returned.exchange(nullptr, std::memory_order_acquire);
    while (node != nullptr) keep(std::exchange(node, node->next));
  }
  void trim() {
    collect_returned();
    for (Shelf& shelf : shelves) {
      while (shelf.first != nullptr) destroy(std::exchange(shelf.first, shelf.first->next));
      shelf.count = 0;
    }
  }
  void drop_reference() {
    if (references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    trim();
    delete this;
  }

  MemoryBudget& budget;
  rt::Executor& owner;
  std::array<Shelf, kSizes.size()> shelves;  // the owner's
  std::atomic<Node*> returned{nullptr};
  std::atomic<size_t> references{1};  // the pool and every slab that is out
  std::atomic<bool> is_closed{false};
};

SlabPool::SlabPool(MemoryBudget& budget, rt::Executor& owner) : core_(new Core(budget, owner)) {}

SlabPool::~SlabPool() {
  core_->is_closed.store(true, std::memory_order_release);
  core_->drop_reference();
}

size_t SlabPool::reserved_size(size_t size) {
  for (const size_t slab : kSizes) {
    if (size <= slab) return slab;
  }
  return size;
}

Slab SlabPool::take(size_t reserved) {
  ++taken_;
  int size_class = -1;
  for (size_t i = 0; i < kSizes.size(); ++i) {
    if (reserved == kSizes[i]) size_class = static_cast<int>(i);
  }
  Node* node = nullptr;
  if (size_class >= 0) {
    Core::Shelf& shelf = core_->shelves[static_cast<size_t>(size_class)];
    if (shelf.first == nullptr) core_->collect_returned();
    if (shelf.first != nullptr) {
      node = std::exchange(shelf.first, shelf.first->next);
      --shelf.count;
      node->references.store(1, std::memory_order_relaxed);
    }
  }
  if (node == nullptr) {
    void* memory = ::operator new(sizeof(Node) + reserved, std::align_val_t{alignof(Node)});
    node = new (memory) Node(*core_, reserved, size_class);
  }
  core_->references.fetch_add(1, std::memory_order_relaxed);
  return {bytes::Buffer(node, {node->data(), node->capacity}), node->data(), node->capacity};
}

void SlabPool::release(bytes::BufferStorage* storage) {
  Node* node = static_cast<Node*>(storage);
  Core& core = *node->core;
  core.budget.release(node->capacity);
  if (node->size_class < 0) {
    Core::destroy(node);
  } else if (!core.is_closed.load(std::memory_order_acquire) && core.owner.is_current()) {
    core.keep(node);
  } else {
    node->next = core.returned.load(std::memory_order_relaxed);
    while (!core.returned.compare_exchange_weak(node->next, node, std::memory_order_release,
                                                std::memory_order_relaxed)) {
    }
  }
  core.drop_reference();
}

void SlabPool::trim() { core_->trim(); }

size_t SlabPool::kept_bytes() const {
  size_t total = 0;
  for (size_t i = 0; i < kSizes.size(); ++i) total += core_->shelves[i].count * kSizes[i];
  return total;
}

}  // namespace semel::net
