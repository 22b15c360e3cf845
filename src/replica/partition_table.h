// PartitionTable: the topics that this broker has replicas of, at one moment. Immutable; one writer
// (the ReplicaManager) makes the next one, readers keep the one they hold.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/persistent_map.h"
#include "replica/partition.h"
#include "replica/topic_settings.h"

namespace semel::replica {

struct TopicEntry {
  std::string name;
  TopicId id;
  TopicSettings settings;
  /// By partition index, for every partition of the topic; null where this broker has no replica,
  /// or could not open it.
  std::vector<std::shared_ptr<Partition>> partitions;

  bool has_partition(int32_t index) const {
    return index >= 0 && static_cast<size_t>(index) < partitions.size();
  }
};
using TopicEntryPtr = std::shared_ptr<const TopicEntry>;

struct PartitionTable {
  cluster::PersistentMap<std::string, TopicEntryPtr, cluster::TextHash> by_name;
  cluster::PersistentMap<TopicId, TopicEntryPtr> by_id;

  /// Null if this broker has no replica of the topic.
  const TopicEntry* find(std::string_view name) const {
    const TopicEntryPtr* entry = by_name.find(name);
    return entry != nullptr ? entry->get() : nullptr;
  }
  const TopicEntry* find(const TopicId& id) const {
    const TopicEntryPtr* entry = by_id.find(id);
    return entry != nullptr ? entry->get() : nullptr;
  }
};
using TablePtr = std::shared_ptr<const PartitionTable>;

/// Where the newest table is found. One writer, readers on any thread.
class TableSource {
 public:
  TableSource() : table_(std::make_shared<PartitionTable>()) {}
  TablePtr current() const { return table_.load(std::memory_order_acquire); }
  uint64_t version() const { return version_.load(std::memory_order_acquire); }
  void publish(TablePtr table) {
    table_.store(std::move(table), std::memory_order_release);
    version_.fetch_add(1, std::memory_order_acq_rel);
  }

 private:
  std::atomic<TablePtr> table_;
  std::atomic<uint64_t> version_{1};
};

/// A reader's own copy of the pointer, so that looking at an unchanged table touches nothing shared
/// but one number. Not thread-safe.
class TableView {
 public:
  explicit TableView(const TableSource& source) : source_(source) {}
  /// The newest table; valid until the next call.
  const PartitionTable& refresh() {
    const uint64_t version = source_.version();
    if (version != version_) {
      version_ = version;
      table_ = source_.current();
    }
    return *table_;
  }

 private:
  const TableSource& source_;
  TablePtr table_;
  uint64_t version_ = 0;
};

}  // namespace semel::replica
