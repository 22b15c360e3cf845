#include "broker/dynamic_settings.h"

#include <algorithm>
#include <string>

#include "broker/settings.h"
#include "cluster/config_schema.h"

namespace semel::broker {

void DynamicSettings::apply(const cluster::MetadataImage& image) {
  using cluster::ConfigResourceType;
  const auto own = image.config(ConfigResourceType::kBroker, std::to_string(self_.value));
  const auto all = image.config(ConfigResourceType::kBroker, "");
  const cluster::ConfigLayers layers{.topic = nullptr,
                                     .broker = own.get(),
                                     .cluster = all.get(),
                                     .static_broker = &static_broker_};
  const auto number = [&](std::string_view name) {
    return cluster::broker_config_number(name, layers);
  };
  users_.server.set_connection_limits(static_cast<uint32_t>(number("max.connections")),
                                      static_cast<uint32_t>(number("max.connections.per.ip")));
  users_.logs.set_producer_expiration(number("producer.id.expiration.ms"));
  users_.replicas.set_partition_config(
      flush_policy(cluster::broker_config_value("semel.flush", layers)),
      static_cast<uint64_t>(number("semel.dedup.lookup.bytes")));
}

void DynamicSettings::on_image(const cluster::ImageChange& change) {
  const auto is_of_brokers = [](const cluster::ConfigResource& resource) {
    return resource.type == cluster::ConfigResourceType::kBroker;
  };
  if (std::ranges::any_of(change.configs_changed, is_of_brokers)) apply(*change.after);
}

}  // namespace semel::broker
