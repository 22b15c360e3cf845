// ImageDelta: builds the next image from one image and the records that follow it. What no record
// touches is shared with the base. Replay is strict, as Java's controllers are (a record that
// cannot be applied is fatal): reference for each rule is org.apache.kafka.image and KIP-631.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>

#include "base/result.h"
#include "cluster/image.h"
#include "cluster/image_publisher.h"
#include "cluster/metadata_record.h"

namespace semel::cluster {

class ImageDelta {
 public:
  explicit ImageDelta(ImagePtr base);

  /// Errors (fatal): kCorruptMessage with what does not fit. After an error the delta is worthless.
  Result<void> replay(const VersionedRecord& record);
  /// kraft.version stands in control records, and counts as a finalized feature (KIP-853).
  void replay_kraft_version(int16_t level);
  /// A snapshot holds everything: what it does not name is gone. Call before its first record.
  void start_snapshot();

  /// True between BeginTransaction and EndTransaction: nothing may be published.
  bool is_in_transaction() const { return transaction_ != nullptr; }

  /// The image with everything replayed so far (without an open transaction), and what differs.
  ImageChange finish(Offset last_offset, LeaderEpoch last_epoch) const;
  /// Only the image; cheap to ask for again and again.
  ImagePtr image() const;

 private:
  struct Work;

  Result<void> apply(const gen::RegisterBrokerRecord& record);
  Result<void> apply(const gen::UnregisterBrokerRecord& record);
  Result<void> apply(const gen::BrokerRegistrationChangeRecord& record);
  Result<void> apply(const gen::FenceBrokerRecord& record);
  Result<void> apply(const gen::UnfenceBrokerRecord& record);
  Result<void> apply(const gen::RegisterControllerRecord& record);
  Result<void> apply(const gen::TopicRecord& record);
  Result<void> apply(const gen::RemoveTopicRecord& record);
  Result<void> apply(const gen::PartitionRecord& record);
  Result<void> apply(const gen::PartitionChangeRecord& record);
  Result<void> apply(const gen::ClearElrRecord& record);
  Result<void> apply(const gen::ConfigRecord& record);
  Result<void> apply(const gen::FeatureLevelRecord& record);
  Result<void> apply(const gen::ProducerIdsRecord& record);
  Result<void> apply(const gen::UserScramCredentialRecord& record);
  Result<void> apply(const gen::RemoveUserScramCredentialRecord& record);
  Result<void> apply(const gen::AccessControlEntryRecord& record);
  Result<void> apply(const gen::RemoveAccessControlEntryRecord& record);
  Result<void> apply(const gen::ClientQuotaRecord& record);
  Result<void> apply(const gen::DelegationTokenRecord& record);
  Result<void> apply(const gen::RemoveDelegationTokenRecord& record);
  Result<void> apply(const gen::NoOpRecord&) { return {}; }
  Result<void> apply(const gen::ZkMigrationStateRecord&) { return {}; }
  Result<void> apply(const gen::BeginTransactionRecord& record);
  Result<void> apply(const gen::EndTransactionRecord& record);
  Result<void> apply(const gen::AbortTransactionRecord& record);

  Result<void> change_broker(BrokerId id, BrokerEpoch epoch,
                             const std::function<void(BrokerRegistration&)>& change);
  TopicImage* own_topic(const TopicId& id);
  void drop_topic(const TopicPtr& topic);

  ImagePtr base_;
  std::unique_ptr<Work> work_;         // what is being built
  std::unique_ptr<Work> transaction_;  // work_ as it was before the open transaction

 public:
  ~ImageDelta();
  ImageDelta(ImageDelta&&) noexcept;
  ImageDelta& operator=(ImageDelta&&) noexcept;
};

}  // namespace semel::cluster
