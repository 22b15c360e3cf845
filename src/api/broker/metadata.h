// Metadata: brokers, topics, leaders; creates missing topics where that is allowed.
#pragma once

#include "api/broker/services.h"
#include "gen/metadata.h"

namespace semel::api::broker {

class MetadataHandler final : public TaskHandler {
 public:
  explicit MetadataHandler(const Services& services) : services_(services) {}

 protected:
  rt::Task<Progress> run(RequestContext& context) override;

 private:
  using Topic = gen::MetadataResponse::MetadataResponseTopic;

  /// Asks the controller for the topics and waits (a bounded time) until this broker sees them.
  rt::Task<void> create_missing(RequestContext& context, const gen::MetadataRequest& request);
  std::vector<std::string> missing_topics(const RequestContext& context,
                                          const gen::MetadataRequest& request) const;
  void fill(const RequestContext& context, const gen::MetadataRequest& request,
            gen::MetadataResponse& response) const;
  void fill_asked(const RequestContext& context, const gen::MetadataRequest& request,
                  const cluster::MetadataImage& image, gen::MetadataResponse& response) const;
  void fill_topic(const RequestContext& context, const cluster::MetadataImage& image,
                  const cluster::TopicImage& topic, Topic& answer) const;
  void fill_partition(const RequestContext& context, const cluster::MetadataImage& image,
                      const cluster::PartitionRegistration& partition,
                      gen::MetadataResponse::MetadataResponsePartition& answer) const;
  bool may_describe(const RequestContext& context, std::string_view topic) const;

  const Services services_;
};

}  // namespace semel::api::broker
