// Audits one partition folder: every batch of every segment, read once; a second time only if some
// batch may repeat an earlier one.
#pragma once

#include <bitset>
#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "cli/audit_finding.h"
#include "cli/dump_file.h"

namespace semel::cli {

struct AuditTarget {
  std::string path;  // as shown to people
  /// The cleaner works on it, so offsets and sequences may be missing without being lost.
  bool is_compacted = false;
};

struct AuditLimits {
  size_t producers_max = 1'000'000;  // remembered at a time
  size_t findings_max = 10'000;      // looked into; others are only counted
  std::bitset<kFindingKinds> ignored;
};

struct AuditTotals {
  uint64_t partitions = 0;
  uint64_t segments = 0;
  uint64_t batches = 0;
  uint64_t records = 0;
  uint64_t bytes = 0;
  uint64_t producers = 0;  // per partition, added up
  uint64_t findings = 0;
  uint64_t untold = 0;     // of the findings: beyond findings_max
  uint64_t forgotten = 0;  // producers beyond producers_max

  AuditTotals& operator+=(const AuditTotals& other);
};

/// Tells each finding to `tell`, in the order of offsets as far as one pass allows. Errors: a file
/// cannot be read.
Result<AuditTotals> audit_partition(const DumpPaths& paths, const AuditTarget& target,
                                    const AuditLimits& limits,
                                    const std::function<void(const Finding&)>& tell);

}  // namespace semel::cli
