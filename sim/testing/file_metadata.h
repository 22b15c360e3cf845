// FileMetadata: what stands in for a controller: one topic, producer ids and a count of starts in a
// file, and the images made of it.
#pragma once

#include <map>
#include <string>

#include "cluster/controller_channel.h"
#include "cluster/image_delta.h"
#include "cluster/producer_id_allocator.h"
#include "gen/create_topics.h"
#include "rt/runtime.h"

namespace semel::sim {

class FileMetadata final : public cluster::ControllerChannel, public cluster::ProducerIdSource {
 public:
  FileMetadata(rt::Runtime& runtime, std::string path, rt::Address advertised)
      : runtime_(runtime), path_(std::move(path)), advertised_(std::move(advertised)) {}

  /// Blocks. Counts the start, so that every leader epoch is new.
  Result<void> load();
  cluster::ImageChange first_image();
  /// Told of the image after CreateTopics, on executor 0.
  rt::UniqueFunction<void(const cluster::ImageChange&)> on_change;

  rt::Task<Result<bytes::Buffer>> forward(rt::Executor& caller, cluster::ForwardedRequest request,
                                          rt::Duration timeout) override;
  rt::Task<Result<bytes::Buffer>> call(rt::Executor& caller, int16_t key, int16_t version,
                                       bytes::Buffer body, rt::Duration timeout) override;
  Versions versions(int16_t) const override { return {}; }
  rt::Task<Result<cluster::ProducerIdBlock>> next_block() override;

 private:
  struct Topic {
    std::string name;
    Uuid id;
    int32_t partitions = 0;
    std::map<std::string, std::string> settings;
  };
  Result<void> save();
  cluster::ImageChange make_image() const;
  Result<void> create(const gen::CreateTopicsRequest& request);

  rt::Runtime& runtime_;
  std::string path_;
  rt::Address advertised_;
  int32_t starts_ = 0;
  int64_t next_producer_id_ = 0;
  Topic topic_;
  cluster::ImagePtr image_ = std::make_shared<cluster::MetadataImage>();
};

}  // namespace semel::sim
