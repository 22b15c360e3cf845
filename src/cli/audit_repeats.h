// The second look of an audit: which earlier batch does a suspicious one repeat, and with the same
// records?
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/audit_finding.h"
#include "cli/dump_file.h"

namespace semel::cli {

struct AuditSegment {
  std::string name;
  Offset base;
};

/// A batch whose sequences were seen before.
struct AuditSuspect {
  /// Place, producer and sequences are given; explain_repeats() sets kind, text and `earlier`.
  Finding finding;
  size_t segment = 0;
  uint64_t size = 0;  // bytes

  /// The batch stored before, once it is found.
  struct Original {
    AuditPlace place;
    size_t segment = 0;
    uint64_t size = 0;
    Sequence first_sequence;
    Sequence last_sequence;
    bool is_same_range = false;
  } original;
};

/// Reads the partition once more if there are suspects. Errors: a file cannot be read.
Result<void> explain_repeats(const DumpPaths& paths, const std::string& folder,
                             const std::vector<AuditSegment>& segments,
                             std::vector<AuditSuspect>& suspects);

}  // namespace semel::cli
