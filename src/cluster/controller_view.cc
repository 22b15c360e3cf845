#include "cluster/controller_view.h"

namespace semel::cluster {

ConfigLayers ControllerView::topic_layers(const ConfigMap* topic) const {
  ConfigLayers layers{.topic = topic, .static_broker = &settings.static_configs};
  // The image outlives the view, so the map may be borrowed from it.
  if (const ConfigMapPtr* all =
          image.configs->find(ConfigResource{ConfigResourceType::kBroker, ""}))
    layers.cluster = all->get();
  return layers;
}

int64_t ControllerView::min_insync_replicas(std::string_view topic) const {
  const ConfigMapPtr own = image.config(ConfigResourceType::kTopic, topic);
  return topic_config_number("min.insync.replicas", topic_layers(own.get()));
}

bool ControllerView::allows_unclean_election(std::string_view topic) const {
  const ConfigMapPtr own = image.config(ConfigResourceType::kTopic, topic);
  return topic_config_value("unclean.leader.election.enable", topic_layers(own.get())) == "true";
}

}  // namespace semel::cluster
