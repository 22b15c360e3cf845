// The sidecar of a producer snapshot, `<end offset, 20 digits>.snapshot-semel`: the whole producer
// state of a partition at that offset, of which Kafka's file keeps the newest batch only
// (docs/formats/producer-sidecar.md). It is believed only together with the very snapshot it was
// written for; Kafka ignores the file, as its loader does every name with an unknown suffix.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "bytes/buffer.h"
#include "log/producer_state_types.h"
#include "rt/disk.h"

namespace semel::log {

/// What ties a sidecar to its snapshot and its log.
struct SidecarTie {
  uint32_t snapshot_checksum = 0;
  Offset end_offset;  // exclusive, as in the file's name
  LeaderEpoch last_leader_epoch =
      kNoLeaderEpoch;  // of the batch with the last offset, −1 = no batch
  bool operator==(const SidecarTie&) const = default;
};

struct Sidecar {
  SidecarTie tie;
  int64_t written_ms = 0;  // broker's clock
  std::vector<ProducerView> producers;
};

bytes::Buffer encode_sidecar(const Sidecar& sidecar);
/// kUnsupportedVersion: a version that is not known here. kCorruptMessage: anything else that does
/// not fit. In both cases the file is ignored.
Result<Sidecar> decode_sidecar(bytes::ByteSpan file);

/// "00000000000000000042.snapshot-semel"
std::string sidecar_name(Offset end_offset);
/// The offset in the name, or nothing if it is none of a sidecar (temporary files included).
std::optional<Offset> sidecar_offset(std::string_view name);

/// Writes the sidecar beside its snapshot, which must be durable already: temporary file, sync,
/// rename, directory sync; then removes all but the two newest. Blocks.
Result<void> write_sidecar(rt::Disk& disk, const std::string& partition_folder,
                           const Sidecar& sidecar);
/// The sidecar of the snapshot at `tie.end_offset`, or nothing if there is none, or it is of
/// another snapshot, another version, or damaged (logged). Blocks.
std::optional<Sidecar> read_sidecar(rt::Disk& disk, const std::string& partition_folder,
                                    const SidecarTie& tie);

}  // namespace semel::log
