// The kinds of files that `semel dump` knows, one function each. Errors name what is wrong with the
// file; the rows before them are printed.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/dump_decoders.h"
#include "cli/dump_file.h"
#include "cli/dump_printer.h"
#include "log/producer_state_types.h"

namespace semel::cli {

struct DumpTarget {
  std::string path;  // as given
  std::string name;  // the file's name without .deleted, .cleaned, .swap, .cut
  DumpFile& file;
  DumpPrinter& printer;
  bool with_records = false;
};

/// What the folder's name says about how to read its records.
DumpDecoder decoder_for_folder(std::string_view path);

Result<void> dump_segment_file(DumpTarget& target);
Result<void> dump_offset_index(DumpTarget& target);
Result<void> dump_time_index(DumpTarget& target);
Result<void> dump_transaction_index(DumpTarget& target);
Result<void> dump_producer_snapshot(DumpTarget& target);
Result<void> dump_producer_sidecar(DumpTarget& target);
Result<void> dump_epoch_checkpoint(DumpTarget& target);
Result<void> dump_offset_checkpoint(DumpTarget& target);
Result<void> dump_meta_properties(DumpTarget& target);
Result<void> dump_partition_metadata(DumpTarget& target);
Result<void> dump_quorum_state(DumpTarget& target);
Result<void> dump_clean_shutdown(DumpTarget& target);

/// The function for a file of that name, or null.
using DumpFunction = Result<void> (*)(DumpTarget& target);
DumpFunction dump_function_for(std::string_view name);

void print_producer(DumpPrinter& printer, const log::ProducerView& producer);

/// Producer state of the partition in `folder` just before `offset`: the newest usable snapshot
/// (with its sidecar) at or below it, and the batches behind it.
Result<void> dump_state_at(const DumpPaths& paths, const std::string& folder, Offset offset,
                           DumpPrinter& printer);

/// A file's exception as an error: kInvalidRequest with Cause::kNotFound if it is not there.
std::unexpected<Error> file_error(const JavaException& exception);

}  // namespace semel::cli
