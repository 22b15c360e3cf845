// The state that ImageDelta builds up. Internal to this folder.
#pragma once

#include <fmt/format.h>

#include "cluster/image_delta.h"

namespace semel::cluster {

/// Copying is cheap and keeps what was built: the copy and the original own nothing in common
/// afterwards (share() gives ownership up before the copy is made).
struct ImageDelta::Work {
  MetadataImage image;
  // Set while this delta may write to that part of `image`.
  std::shared_ptr<TopicsImage> topics;
  std::shared_ptr<BrokersImage> brokers;
  std::shared_ptr<ConfigsImage> configs;
  std::shared_ptr<AccessImage> access;
  std::unordered_map<TopicId, std::shared_ptr<TopicImage>> topic;
  std::unordered_map<ConfigResource, std::shared_ptr<ConfigMap>, ConfigResourceHash> config;

  std::set<TopicId> touched;
  std::set<ConfigResource> configs_changed;
  std::set<BrokerId> brokers_changed;
  bool features_changed = false;
  bool access_changed = false;

  /// From here on nothing that `image` points to is written in place.
  void share() {
    topics.reset();
    brokers.reset();
    configs.reset();
    access.reset();
    topic.clear();
    config.clear();
  }

  template <class Part>
  static Part& own(std::shared_ptr<Part>& owned, std::shared_ptr<const Part>& shown) {
    if (owned == nullptr) {
      owned = std::make_shared<Part>(*shown);
      shown = owned;
    }
    return *owned;
  }
  TopicsImage& own_topics() { return own(topics, image.topics); }
  BrokersImage& own_brokers() { return own(brokers, image.brokers); }
  ConfigsImage& own_configs() { return own(configs, image.configs); }
  AccessImage& own_access() {
    access_changed = true;
    return own(access, image.access);
  }
};

template <class... Args>
std::unexpected<Error> unfit(fmt::format_string<Args...> format, Args&&... args) {
  return fail(ErrorCode::kCorruptMessage, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace semel::cluster
