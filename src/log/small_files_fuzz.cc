// Hostile text files of a log directory: what is accepted is written back to the same meaning.
#include <cstdlib>

#include "log/checkpoint_file.h"
#include "log/file_names.h"
#include "log/meta_properties.h"
#include "log/small_files.h"

namespace {

using namespace semel;

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto offsets = log::parse_offset_checkpoint(text))
    require(*log::parse_offset_checkpoint(log::format_offset_checkpoint(*offsets)) == *offsets);
  if (const auto epochs = log::parse_epoch_checkpoint(text)) {
    require(*log::parse_epoch_checkpoint(log::format_epoch_checkpoint(*epochs)) == *epochs);
    log::EpochCache cache;
    cache.load(*epochs);
    for (const log::EpochStart& entry : *epochs) {
      const auto end = cache.end_offset_for(entry.epoch, Offset{INT64_MAX});
      require(end.epoch <= entry.epoch);
      cache.truncate_from_start(entry.start);
    }
  }
  if (const auto id = log::parse_partition_metadata(text))
    require(*log::parse_partition_metadata(log::format_partition_metadata(*id)) == *id);
  if (const auto meta = log::parse_meta_properties(text)) {
    const auto again = log::parse_meta_properties(log::format_meta_properties(*meta, "date"));
    require(meta->cluster_id.find_first_of(" \t\f\r\n") != std::string::npos || *again == *meta);
  }
  (void)log::parse_clean_shutdown(text);
  const log::FolderName folder = log::parse_folder_name(text);
  if (folder.kind == log::FolderKind::kPartition)
    require(log::parse_folder_name(folder.partition.to_text()).partition == folder.partition);
  return 0;
}
