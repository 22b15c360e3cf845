#include "plants.h"

#include <array>

namespace semel::sim {

namespace {

constexpr std::array kPlants{
    PlantInfo{"forget_state", &rt::Plants::forget_state_on_restart, "kill", 1},
    PlantInfo{"skip_sequence", &rt::Plants::skip_sequence_check, "network", 1},
    PlantInfo{"early_ack", &rt::Plants::ack_before_flush, "power", 1},
    PlantInfo{"torn_batch", &rt::Plants::keep_torn_batch, "power", 2},
    PlantInfo{"early_duplicate", &rt::Plants::answer_duplicate_early, "power", 20},
    PlantInfo{"reorder", &rt::Plants::reorder_combiner, "calm", 1},
    PlantInfo{"trust_sequences", &rt::Plants::trust_sequences, "calm", 1},
    PlantInfo{"record_time", &rt::Plants::expire_by_record_time, "expiry", 25},
    PlantInfo{"read_early", &rt::Plants::read_uncommitted_end, "power", 1},
    PlantInfo{"index_skips", &rt::Plants::index_skips_a_batch, "small_segments", 1},
    PlantInfo{"sync_error", &rt::Plants::ignore_sync_error, "bad_power", 3},
    PlantInfo{"folder_sync", &rt::Plants::forget_folder_sync, "power", 1},
    PlantInfo{"recovery_point", &rt::Plants::recovery_point_ahead, "power_checkpoints", 2},
    PlantInfo{"wrap", &rt::Plants::wrap_is_a_gap, "calm", 1},
    PlantInfo{"wrong_offset", &rt::Plants::wrong_duplicate_offset, "network", 1},
    PlantInfo{"failed_append", &rt::Plants::answer_failed_append, "bad_disk", 2},
    PlantInfo{"ignore_epoch", &rt::Plants::ignore_epoch, "calm", 2},
    PlantInfo{"early_state", &rt::Plants::state_before_write, "bad_disk", 2},
    PlantInfo{"same_id", &rt::Plants::same_producer_id, "calm", 1},
    PlantInfo{"client_renumbers", &rt::Plants::client_renumbers, "native_once", 1},
    PlantInfo{"client_repeats", &rt::Plants::client_repeats, "native_at_most_once", 106},
    PlantInfo{"client_skips_crc", &rt::Plants::client_skips_crc, "rot", 3},
    PlantInfo{"client_stale_answer", &rt::Plants::client_takes_stale_answer, "native_once", 3},
};

}  // namespace

std::span<const PlantInfo> all_plants() { return kPlants; }

const PlantInfo* find_plant(std::string_view name) {
  for (const PlantInfo& plant : kPlants)
    if (plant.name == name) return &plant;
  return nullptr;
}

}  // namespace semel::sim
