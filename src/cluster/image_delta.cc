#include "cluster/image_delta.h"

#include "cluster/features.h"
#include "cluster/image_delta_work.h"

namespace semel::cluster {

ImageDelta::ImageDelta(ImagePtr base) : base_(std::move(base)), work_(std::make_unique<Work>()) {
  work_->image = *base_;
}
ImageDelta::~ImageDelta() = default;
ImageDelta::ImageDelta(ImageDelta&&) noexcept = default;
ImageDelta& ImageDelta::operator=(ImageDelta&&) noexcept = default;

Result<void> ImageDelta::replay(const VersionedRecord& record) {
  const auto applied = std::visit([this](const auto& body) { return apply(body); }, record.body);
  if (!applied) return fail(applied.error(), record_type_name(record.body));
  return {};
}

void ImageDelta::replay_kraft_version(int16_t level) {
  const auto set = [level](Work& work) {
    work.features_changed = true;
    if (level > 0)
      work.image.features[std::string(kKraftVersion)] = level;
    else
      work.image.features.erase(std::string(kKraftVersion));
  };
  set(*work_);
  if (transaction_ != nullptr) set(*transaction_);
}

void ImageDelta::start_snapshot() {
  transaction_.reset();
  Work fresh;
  base_->topics->by_id.for_each(
      [&](const TopicId& id, const TopicPtr&) { fresh.touched.insert(id); });
  base_->configs->for_each([&](const ConfigResource& resource, const ConfigMapPtr&) {
    fresh.configs_changed.insert(resource);
  });
  for (const auto& [id, broker] : base_->brokers->brokers) fresh.brokers_changed.insert(id);
  fresh.features_changed = true;
  fresh.access_changed = true;
  *work_ = std::move(fresh);
}

ImagePtr ImageDelta::image() const {
  const Work& shown = transaction_ != nullptr ? *transaction_ : *work_;
  work_->share();
  if (transaction_ != nullptr) transaction_->share();
  return std::make_shared<const MetadataImage>(shown.image);
}

ImageChange ImageDelta::finish(Offset last_offset, LeaderEpoch last_epoch) const {
  const Work& shown = transaction_ != nullptr ? *transaction_ : *work_;
  auto after = std::make_shared<MetadataImage>(*image());
  after->last_offset = last_offset;
  after->last_epoch = last_epoch;
  ImageChange change;
  for (const TopicId& id : shown.touched) {
    const TopicPtr before = base_->topic(id);
    const TopicPtr now = after->topic(id);
    if (now == nullptr && before != nullptr) change.topics_deleted.push_back(before);
    if (now != nullptr && before == nullptr) change.topics_created.push_back(id);
    if (now != nullptr && before != nullptr) change.topics_changed.push_back(id);
  }
  change.before = base_;
  change.after = std::move(after);
  change.configs_changed.assign(shown.configs_changed.begin(), shown.configs_changed.end());
  change.brokers_changed.assign(shown.brokers_changed.begin(), shown.brokers_changed.end());
  change.features_changed = shown.features_changed;
  change.access_changed = shown.access_changed;
  return change;
}

// ---- transactions (KIP-868) ----

Result<void> ImageDelta::apply(const gen::BeginTransactionRecord&) {
  if (transaction_ != nullptr) return unfit("a transaction is open already");
  work_->share();
  transaction_ = std::make_unique<Work>(*work_);
  return {};
}

Result<void> ImageDelta::apply(const gen::EndTransactionRecord&) {
  if (transaction_ == nullptr) return unfit("no transaction is open");
  transaction_.reset();
  return {};
}

Result<void> ImageDelta::apply(const gen::AbortTransactionRecord&) {
  if (transaction_ == nullptr) return unfit("no transaction is open");
  work_ = std::move(transaction_);
  return {};
}

// ---- features, configs, producer ids ----

Result<void> ImageDelta::apply(const gen::FeatureLevelRecord& record) {
  if (record.name == kMetadataVersion && !is_known_metadata_version(record.feature_level))
    return fail(ErrorCode::kUnsupportedVersion,
                fmt::format("metadata.version {} is not known, {} … {} are", record.feature_level,
                            kMetadataVersionMin, kMetadataVersionMax));
  if (record.feature_level < 0)
    return unfit("feature {} has level {}", record.name, record.feature_level);
  work_->features_changed = true;
  if (record.feature_level == 0)
    work_->image.features.erase(record.name);
  else
    work_->image.features[record.name] = record.feature_level;
  return {};
}

Result<void> ImageDelta::apply(const gen::ConfigRecord& record) {
  const ConfigResource resource{static_cast<ConfigResourceType>(record.resource_type),
                                record.resource_name};
  work_->configs_changed.insert(resource);
  std::shared_ptr<ConfigMap>& owned = work_->config[resource];
  if (owned == nullptr) {
    const ConfigMapPtr* before = work_->image.configs->find(resource);
    owned =
        before == nullptr ? std::make_shared<ConfigMap>() : std::make_shared<ConfigMap>(**before);
  }
  if (record.value)
    owned->insert_or_assign(record.name, *record.value);
  else
    owned->erase(record.name);
  if (owned->empty()) {
    work_->own_configs().erase(resource);
    work_->config.erase(resource);
  } else {
    work_->own_configs().set(resource, owned);
  }
  return {};
}

Result<void> ImageDelta::apply(const gen::ProducerIdsRecord& record) {
  if (record.next_producer_id <= work_->image.next_producer_id)
    return unfit("next producer id {} does not follow {}", record.next_producer_id,
                 work_->image.next_producer_id);
  work_->image.next_producer_id = record.next_producer_id;
  return {};
}

// ---- access ----

namespace {

std::vector<uint8_t> octets(const bytes::Buffer& buffer) {
  const auto* data = reinterpret_cast<const uint8_t*>(buffer.data());
  return {data, data + buffer.size()};
}

}  // namespace

Result<void> ImageDelta::apply(const gen::UserScramCredentialRecord& record) {
  work_->own_access().scram[{record.name, record.mechanism}] =
      ScramCredential{record.mechanism, octets(record.salt), octets(record.stored_key),
                      octets(record.server_key), record.iterations};
  return {};
}

Result<void> ImageDelta::apply(const gen::RemoveUserScramCredentialRecord& record) {
  if (work_->own_access().scram.erase({record.name, record.mechanism}) == 0)
    return unfit("user {} has no credential of mechanism {}", record.name, record.mechanism);
  return {};
}

Result<void> ImageDelta::apply(const gen::AccessControlEntryRecord& record) {
  work_->own_access().acls[record.id] =
      AclEntry{record.resource_type, record.resource_name, record.pattern_type,   record.principal,
               record.host,          record.operation,     record.permission_type};
  return {};
}

Result<void> ImageDelta::apply(const gen::RemoveAccessControlEntryRecord& record) {
  if (work_->own_access().acls.erase(record.id) == 0)
    return unfit("there is no rule {}", record.id.to_text());
  return {};
}

Result<void> ImageDelta::apply(const gen::ClientQuotaRecord& record) {
  QuotaEntity entity;
  for (const auto& part : record.entity) entity.emplace_back(part.entity_type, part.entity_name);
  std::ranges::sort(entity);
  AccessImage& access = work_->own_access();
  if (!record.remove) {
    access.quotas[entity][record.key] = record.value;
    return {};
  }
  const auto at = access.quotas.find(entity);
  if (at == access.quotas.end()) return {};
  at->second.erase(record.key);
  if (at->second.empty()) access.quotas.erase(at);
  return {};
}

Result<void> ImageDelta::apply(const gen::DelegationTokenRecord& record) {
  work_->own_access().tokens[record.token_id] =
      DelegationToken{record.owner,
                      record.requester,
                      {record.renewers.begin(), record.renewers.end()},
                      record.issue_timestamp,
                      record.max_timestamp,
                      record.expiration_timestamp};
  return {};
}

Result<void> ImageDelta::apply(const gen::RemoveDelegationTokenRecord& record) {
  work_->own_access().tokens.erase(record.token_id);
  return {};
}

}  // namespace semel::cluster
