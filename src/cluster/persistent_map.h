// PersistentMap: an immutable hash map that shares what two versions have in common. A version is
// 64 shards; a change copies the shard pointers and the one shard it touches, so that a map of n
// entries costs about n/64 per change. Readers need no lock: a version never changes.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace semel::cluster {

/// Lets maps keyed by std::string be asked with a std::string_view.
struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>{}(text);
  }
};

template <class Key, class Value, class Hash = std::hash<Key>>
class PersistentMap {
 public:
  using Shard = std::unordered_map<Key, Value, Hash, std::equal_to<>>;

  /// Null if there is no such key; valid as long as this version.
  template <class Asked>
  const Value* find(const Asked& key) const {
    const auto& shard = shards_[shard_of(Hash{}(key))];
    if (shard == nullptr) return nullptr;
    const auto at = shard->find(key);
    return at == shard->end() ? nullptr : &at->second;
  }
  template <class Asked>
  bool contains(const Asked& key) const {
    return find(key) != nullptr;
  }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  /// Inserts or replaces. Other versions keep what they had.
  void set(Key key, Value value) {
    Shard& shard = own(Hash{}(key));
    const auto [at, inserted] = shard.insert_or_assign(std::move(key), std::move(value));
    size_ += inserted ? 1 : 0;
  }
  template <class Asked>
  bool erase(const Asked& key) {
    if (!contains(key)) return false;
    Shard& shard = own(Hash{}(key));
    shard.erase(shard.find(key));
    --size_;
    return true;
  }
  /// Calls `visit(key, value)` for every entry, in no order.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const auto& shard : shards_) {
      if (shard == nullptr) continue;
      for (const auto& [key, value] : *shard) visit(key, value);
    }
  }

 private:
  static constexpr size_t kShards = 64;
  static size_t shard_of(size_t hash) { return (hash * 0x9e3779b97f4a7c15ull) >> 58; }

  Shard& own(size_t hash) {
    auto& shard = shards_[shard_of(hash)];
    if (shard == nullptr)
      shard = std::make_shared<Shard>();
    else if (shard.use_count() > 1)
      shard = std::make_shared<Shard>(*shard);
    return *shard;
  }

  std::array<std::shared_ptr<Shard>, kShards> shards_;
  size_t size_ = 0;
};

}  // namespace semel::cluster
