// What must be done after a sync that failed.
//
// The kernel reports a failed write-back once, to the sync that meets it, and then takes the pages
// for clean: they still hold the records, the disk does not, and every later sync says yes. A
// process that is started again on the same boot of the machine would read such records,
// acknowledge more behind them, and lose all of it with the power. So a failed sync leaves a note
// in the partition's folder; the next life writes everything above the recovery point once more,
// which makes the pages dirty again, and syncs it. The note itself is never synced: where it was
// lost with the power, the pages were too.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "log/segment.h"
#include "rt/disk.h"

namespace semel::log {

/// Leaves the note. Where not even that can be done, it is logged.
void note_failed_flush(rt::Disk& disk, const std::string& folder);
/// Writes and syncs what `segments` hold from the batch of `recovery_point` on, then removes the
/// note. Blocks.
Result<void> mend_failed_flush(rt::Disk& disk, const std::string& folder,
                               const std::vector<std::shared_ptr<Segment>>& segments,
                               Offset recovery_point);

}  // namespace semel::log
