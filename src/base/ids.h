// Strong identifiers and counters of the log. Each wraps one integer so that an offset cannot be
// passed where a sequence is meant; arithmetic that makes sense is offered, nothing else converts.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace semel {

template <class Tag, class Int>
struct StrongId {
  using Value = Int;
  Int value = 0;

  constexpr StrongId() = default;
  constexpr explicit StrongId(Int v) : value(v) {}
  constexpr auto operator<=>(const StrongId&) const = default;
};

/// A number of one node of the cluster (`node.id`).
struct BrokerIdTag {};
using BrokerId = StrongId<BrokerIdTag, int32_t>;
/// A partition's number inside its topic.
struct PartitionIndexTag {};
using PartitionIndex = StrongId<PartitionIndexTag, int32_t>;
/// Producer id (PID), handed out by the cluster; −1 = none.
struct ProducerIdTag {};
using ProducerId = StrongId<ProducerIdTag, int64_t>;
/// Generation of a producer id; −1 = none. Wraps never: at its end a new producer id is taken.
struct ProducerEpochTag {};
using ProducerEpoch = StrongId<ProducerEpochTag, int16_t>;
/// Counts the leaders of one partition; −1 = unknown.
struct LeaderEpochTag {};
using LeaderEpoch = StrongId<LeaderEpochTag, int32_t>;
/// Counts one broker's registrations (the controller's log offset at registration).
struct BrokerEpochTag {};
using BrokerEpoch = StrongId<BrokerEpochTag, int64_t>;

inline constexpr ProducerId kNoProducerId{-1};
inline constexpr ProducerEpoch kNoProducerEpoch{-1};
inline constexpr LeaderEpoch kNoLeaderEpoch{-1};
inline constexpr BrokerId kNoBroker{-1};

/// Position of a record in a partition, counted in records from 0.
struct Offset {
  int64_t value = 0;
  constexpr Offset() = default;
  constexpr explicit Offset(int64_t v) : value(v) {}
  constexpr auto operator<=>(const Offset&) const = default;
  constexpr Offset operator+(int64_t n) const { return Offset{value + n}; }
  constexpr Offset operator-(int64_t n) const { return Offset{value - n}; }
  constexpr int64_t operator-(Offset other) const { return value - other.value; }
};
inline constexpr Offset kNoOffset{-1};

/// Sequence number of a record of one producer in one partition: 0 … 2^31−1, then 0 again (KIP-98).
struct Sequence {
  int32_t value = -1;
  constexpr Sequence() = default;
  constexpr explicit Sequence(int32_t v) : value(v) {}
  constexpr bool operator==(const Sequence&) const = default;

  /// The sequence `n` records later (n ≥ 0), with the wrap after 2^31−1.
  constexpr Sequence plus(int32_t n) const {
    return Sequence{static_cast<int32_t>((static_cast<int64_t>(value) + n) & 0x7fffffff)};
  }
  /// The sequence `n` records earlier (n ≥ 0), with the wrap.
  constexpr Sequence minus(int32_t n) const {
    return Sequence{static_cast<int32_t>((static_cast<int64_t>(value) - n) & 0x7fffffff)};
  }
};
inline constexpr Sequence kNoSequence{-1};

/// 128-bit id: topic ids, directory ids, cluster ids, incarnation ids. Text form: URL-safe base64
/// without padding, 22 characters.
struct Uuid {
  std::array<uint8_t, 16> bytes{};

  constexpr auto operator<=>(const Uuid&) const = default;
  bool is_zero() const { return *this == Uuid{}; }
  std::string to_text() const;
  /// Nothing if `text` is not 22 characters of URL-safe base64.
  static std::optional<Uuid> from_text(std::string_view text);
  /// `high` holds the first eight bytes, big-endian.
  static Uuid from_halves(uint64_t high, uint64_t low);
  uint64_t high() const;
  uint64_t low() const;
};
using TopicId = Uuid;
using DirectoryId = Uuid;

/// The reserved topic id of `__cluster_metadata`.
inline constexpr Uuid kMetadataTopicId{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
/// Reserved directory ids (KIP-858).
inline constexpr Uuid kDirectoryMigrating{};
inline constexpr Uuid kDirectoryUnassigned{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
inline constexpr Uuid kDirectoryLost{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}};

/// A partition by name.
struct TopicPartition {
  std::string topic;
  PartitionIndex partition;
  auto operator<=>(const TopicPartition&) const = default;
  /// "topic-3", the folder's name.
  std::string to_text() const;
};

}  // namespace semel

template <class Tag, class Int>
struct std::hash<semel::StrongId<Tag, Int>> {
  size_t operator()(const semel::StrongId<Tag, Int>& id) const noexcept {
    return std::hash<Int>{}(id.value);
  }
};
template <>
struct std::hash<semel::Uuid> {
  size_t operator()(const semel::Uuid& id) const noexcept {
    return std::hash<uint64_t>{}(id.high() ^ (id.low() * 0x9e3779b97f4a7c15ull));
  }
};
template <>
struct std::hash<semel::TopicPartition> {
  size_t operator()(const semel::TopicPartition& tp) const noexcept {
    return std::hash<std::string>{}(tp.topic) * 31 + static_cast<size_t>(tp.partition.value);
  }
};
