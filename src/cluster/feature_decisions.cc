#include "cluster/feature_decisions.h"

#include <fmt/format.h>

namespace semel::cluster {
namespace {

using Update = gen::UpdateFeaturesRequest::FeatureUpdateKey;

enum class Direction : int8_t { kUpgrade = 1, kSafeDowngrade = 2, kUnsafeDowngrade = 3 };

std::unexpected<Error> invalid(const Update& update, std::string_view why) {
  return fail(ErrorCode::kInvalidUpdateVersion,
              fmt::format("Invalid update version {} for feature {}. {}", update.max_version_level,
                          update.feature, why));
}

/// Empty if `who` takes part at that level.
std::string why_not(std::string_view who, const std::map<std::string, LevelRange>& features,
                    const Update& update) {
  const int16_t level = update.max_version_level;
  const auto at = features.find(update.feature);
  if (at == features.end())
    return level == 0 ? std::string() : fmt::format("{} does not support this feature.", who);
  if (level != 0 && (level < at->second.min || level > at->second.max))
    return fmt::format("{} only supports versions {}-{}", who, at->second.min, at->second.max);
  return {};
}

Result<void> check_members(const ControllerView& view, const Update& update) {
  const std::string self = fmt::format("Local controller {}", view.settings.node_id);
  if (const std::string why = why_not(self, view.settings.features, update); !why.empty())
    return invalid(update, why);
  for (const auto& [id, broker] : view.image.brokers->brokers)
    if (const std::string why =
            why_not(fmt::format("Broker {}", id.value), broker->features, update);
        !why.empty())
      return invalid(update, why);
  for (const auto& [id, controller] : view.image.brokers->controllers)
    if (const std::string why =
            why_not(fmt::format("Controller {}", id), controller.features, update);
        !why.empty())
      return invalid(update, why);
  return {};
}

/// Levels at which the meaning of records changed: they cannot be left downwards without loss.
bool changes_metadata(int16_t from, int16_t to) {
  constexpr int16_t kChanging[] = {7, 8, 11, 13, 14, 15, 17, 23, 30};
  for (const int16_t level : kChanging)
    if (level <= from && level > to) return true;
  return false;
}

Result<void> check_metadata_version(int16_t current, int16_t level, Direction direction) {
  const auto refuse = [&](std::string_view why) {
    return fail(ErrorCode::kInvalidUpdateVersion,
                fmt::format("Invalid metadata.version {}. {}", level, why));
  };
  if (!is_known_metadata_version(level))
    return refuse(
        fmt::format("Valid versions are from {} to {}.", kMetadataVersionMin, kMetadataVersionMax));
  if (level >= current || !changes_metadata(current, level)) return {};
  if (direction == Direction::kUnsafeDowngrade)
    return refuse("Unsafe metadata downgrade is not supported in this version.");
  return refuse(
      "Refusing to perform the requested downgrade because it might delete metadata information.");
}

Result<void> update_one(const ControllerView& view, const Update& update, Direction direction,
                        Records& records) {
  const int16_t level = update.max_version_level;
  if (direction < Direction::kUpgrade || direction > Direction::kUnsafeDowngrade)
    return invalid(update, "The controller does not support the given upgrade type.");
  if (level < 0) return invalid(update, "A feature version cannot be less than 0.");
  SEMEL_CHECK(check_members(view, update));
  const int16_t current = view.image.feature_level(update.feature);
  if (level < current && direction == Direction::kUpgrade)
    return invalid(
        update,
        "Can't downgrade the version of this feature without setting the upgrade type to either "
        "safe or unsafe downgrade.");
  if (level > current && direction != Direction::kUpgrade)
    return invalid(update, "Can't downgrade to a newer version.");
  if (level == current) return {};
  if (update.feature == kMetadataVersion)
    SEMEL_CHECK(check_metadata_version(current, level, direction));
  if (update.feature == kKraftVersion)
    return invalid(update, "kraft.version is changed by formatting a new quorum only.");
  gen::FeatureLevelRecord record;
  record.name = update.feature;
  record.feature_level = level;
  records.push_back({std::move(record), 0});
  return {};
}

}  // namespace

Decision<gen::UpdateFeaturesResponse> decide_update_features(
    const ControllerView& view, const gen::UpdateFeaturesRequest& request, int16_t version) {
  Decision<gen::UpdateFeaturesResponse> decision;
  for (const Update& update : request.feature_updates) {
    const Direction direction =
        version == 0 ? (update.allow_downgrade ? Direction::kSafeDowngrade : Direction::kUpgrade)
                     : static_cast<Direction>(update.upgrade_type);
    const auto updated = update_one(view, update, direction, decision.records);
    if (updated) continue;
    decision.records.clear();
    decision.response.error_code = static_cast<int16_t>(updated.error().code);
    decision.response.error_message =
        "The update failed for all features since the following feature had an error: " +
        updated.error().context;
    return decision;
  }
  if (request.validate_only) decision.records.clear();
  return decision;
}

}  // namespace semel::cluster
