// DynamicSettings: broker settings that take effect while the broker runs. (The defaults that
// topics have from broker settings are the ReplicaManager's.)
#pragma once

#include "cluster/image_publisher.h"
#include "log/log_manager.h"
#include "net/socket_server.h"
#include "replica/replica_manager.h"

namespace semel::broker {

/// Who acts on them. Borrowed.
struct SettingsUsers {
  net::SocketServer& server;
  log::LogManager& logs;
  replica::ReplicaManager& replicas;
};

/// On executor 0.
class DynamicSettings final : public cluster::ImageListener {
 public:
  /// `static_broker` (server.properties) is borrowed.
  DynamicSettings(BrokerId self, const cluster::ConfigMap& static_broker, SettingsUsers users)
      : self_(self), static_broker_(static_broker), users_(users) {}

  /// Hands out what holds in `image`.
  void apply(const cluster::MetadataImage& image);
  void on_image(const cluster::ImageChange& change) override;

 private:
  const BrokerId self_;
  const cluster::ConfigMap& static_broker_;
  SettingsUsers users_;
};

}  // namespace semel::broker
