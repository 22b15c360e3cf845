// Trace: a running hash of everything that happened in a simulated world (events, bytes sent, bytes
// written, faults), and counters of what was rare. Two runs of one seed must give equal hashes.
#pragma once

#include <bit>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "bytes/buffer.h"
#include "rt/function.h"

namespace semel::rt::sim {

class Trace {
 public:
  enum class Kind : uint8_t {
    kStep,
    kTimer,
    kPool,
    kCall,
    kSend,
    kDeliver,
    kConnect,
    kReset,
    kWrite,
    kSync,
    kDirectory,
    kCrash,
    kKill,
    kFault,
    kNote
  };

  void add(Kind kind, uint64_t a, uint64_t b = 0) {
    hash_ = mix(hash_ ^ static_cast<uint64_t>(kind), a);
    hash_ = mix(hash_, b);
    ++events_;
  }
  void add_bytes(bytes::ByteSpan bytes);
  /// A line for people who replay a seed; also part of the hash.
  void note(std::string_view line);
  /// Counts that a rare thing happened.
  void probe(std::string_view name) { ++probes_[std::string(name)]; }

  uint64_t hash() const { return hash_; }
  uint64_t events() const { return events_; }
  const std::map<std::string, uint64_t>& probes() const { return probes_; }
  /// Receives every note from now on.
  void set_printer(UniqueFunction<void(std::string_view)> printer) {
    printer_ = std::move(printer);
  }

 private:
  static uint64_t mix(uint64_t hash, uint64_t value) {
    const uint64_t mixed = (std::rotl(hash, 27) ^ value) * 0x9e3779b97f4a7c15ull;
    return mixed ^ (mixed >> 29);
  }

  uint64_t hash_ = 0x5e3e1;
  uint64_t events_ = 0;
  std::map<std::string, uint64_t> probes_;
  UniqueFunction<void(std::string_view)> printer_;
};

}  // namespace semel::rt::sim
