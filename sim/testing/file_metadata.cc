#include "file_metadata.h"

#include "bytes/reader.h"
#include "bytes/writer.h"
#include "gen/api_table.h"
#include "gen/header.h"
#include "rt/blocking.h"

namespace semel::sim {

namespace {

constexpr int32_t kSelf = 1;

void put_string(bytes::Writer& writer, const std::string& text) {
  writer.put_i32(static_cast<int32_t>(text.size()));
  writer.put_text(text);
}

std::string get_string(bytes::Reader& reader) {
  const int32_t size = reader.read_i32();
  return std::string(reader.read_text(static_cast<size_t>(size)));
}

template <class Record>
void replay(cluster::ImageDelta& delta, Record record, int16_t version) {
  const auto done = delta.replay({std::move(record), version});
  SEMEL_ASSERT(done.has_value(), "a metadata record of the simulator does not replay");
}

}  // namespace

Result<void> FileMetadata::load() {
  const auto file = rt::read_file(*runtime_.disk, path_, 10'000);
  if (!file && file.error().cause != Cause::kNotFound) return fail(file.error());
  if (file) {
    bytes::Reader reader(file->span());
    starts_ = reader.read_i32();
    next_producer_id_ = reader.read_i64();
    topic_.name = get_string(reader);
    topic_.id = reader.read_uuid();
    topic_.partitions = reader.read_i32();
    for (int32_t left = reader.read_i32(); left > 0; --left) {
      const std::string key = get_string(reader);
      topic_.settings[key] = get_string(reader);
    }
  }
  ++starts_;
  return save();
}

Result<void> FileMetadata::save() {
  bytes::Writer writer;
  writer.put_i32(starts_);
  writer.put_i64(next_producer_id_);
  put_string(writer, topic_.name);
  writer.put_uuid(topic_.id);
  writer.put_i32(topic_.partitions);
  writer.put_i32(static_cast<int32_t>(topic_.settings.size()));
  for (const auto& [key, value] : topic_.settings) {
    put_string(writer, key);
    put_string(writer, value);
  }
  return rt::replace_file(*runtime_.disk, path_, writer.written());
}

cluster::ImageChange FileMetadata::make_image() const {
  cluster::ImageDelta delta(image_);
  if (image_->brokers->brokers.empty()) {
    replay(delta, gen::FeatureLevelRecord{.name = "metadata.version", .feature_level = 25}, 0);
    gen::RegisterBrokerRecord broker;
    broker.broker_id = kSelf;
    broker.incarnation_id = Uuid::from_halves(1, static_cast<uint64_t>(starts_));
    broker.broker_epoch = starts_;
    auto& endpoint = broker.end_points.append();
    endpoint.name = "PLAINTEXT";
    endpoint.host = advertised_.host;
    endpoint.port = advertised_.port;
    replay(delta, std::move(broker), 3);
    replay(delta, gen::UnfenceBrokerRecord{.id = kSelf, .epoch = starts_}, 0);
  }
  if (topic_.partitions > 0 && image_->topic(topic_.id) == nullptr) {
    replay(delta, gen::TopicRecord{.name = topic_.name, .topic_id = topic_.id}, 0);
    for (int32_t i = 0; i < topic_.partitions; ++i) {
      gen::PartitionRecord partition;
      partition.partition_id = i;
      partition.topic_id = topic_.id;
      partition.replicas = {kSelf};
      partition.isr = {kSelf};
      partition.leader = kSelf;
      partition.leader_epoch = starts_;
      partition.partition_epoch = starts_;
      partition.directories = {kDirectoryUnassigned};
      replay(delta, std::move(partition), 1);
    }
    for (const auto& [key, value] : topic_.settings)
      replay(delta,
             gen::ConfigRecord{
                 .resource_type = 2, .resource_name = topic_.name, .name = key, .value = value},
             0);
  }
  return delta.finish(image_->last_offset + 1, LeaderEpoch{1});
}

cluster::ImageChange FileMetadata::first_image() {
  cluster::ImageChange change = make_image();
  image_ = change.after;
  return change;
}

Result<void> FileMetadata::create(const gen::CreateTopicsRequest& request) {
  const auto& wanted = request.topics[0];
  topic_.name = wanted.name;
  topic_.id = Uuid::from_halves(7, 7);
  topic_.partitions = wanted.num_partitions;
  for (const auto& config : wanted.configs)
    topic_.settings[config.name] = config.value.value_or("");
  return save();
}

rt::Task<Result<bytes::Buffer>> FileMetadata::forward(rt::Executor& caller,
                                                      cluster::ForwardedRequest request,
                                                      rt::Duration) {
  bytes::Reader reader(request.request);
  const auto key = bytes::load_be<int16_t>(request.request.data());
  const auto version = bytes::load_be<int16_t>(request.request.data() + 2);
  gen::RequestHeader header;
  gen::CreateTopicsRequest create_topics;
  const bool is_known = key == gen::CreateTopicsRequest::kApiKey &&
                        header.decode(reader, gen::request_header_version(key, version)) &&
                        create_topics.decode(reader, version) && create_topics.topics.size() == 1;
  if (!is_known) co_return fail(ErrorCode::kUnsupportedVersion, "only CreateTopics");
  rt::Executor& home = *runtime_.executors[0];
  co_await rt::resume_on(home);
  ErrorCode code = topic_.partitions > 0 ? ErrorCode::kTopicAlreadyExists : ErrorCode::kNone;
  if (code == ErrorCode::kNone) {
    auto saved =
        co_await rt::run_blocking(*runtime_.disk, home, [&] { return create(create_topics); });
    if (!saved) code = ErrorCode::kKafkaStorageError;
    if (!saved) topic_ = {};
    if (saved) {
      const cluster::ImageChange change = make_image();
      image_ = change.after;
      on_change(change);
    }
  }
  gen::CreateTopicsResponse response;
  auto& topic = response.topics.append();
  topic.name = create_topics.topics[0].name;
  topic.error_code = static_cast<int16_t>(code);
  gen::ResponseHeader head;
  head.correlation_id = header.correlation_id;
  bytes::Writer writer;
  const auto has_head = head.encode(writer, gen::response_header_version(key, version));
  const auto has_body = response.encode(writer, version);
  SEMEL_ASSERT(has_head && has_body);
  co_await rt::resume_on(caller);
  co_return writer.take();
}

rt::Task<Result<bytes::Buffer>> FileMetadata::call(rt::Executor&, int16_t, int16_t, bytes::Buffer,
                                                   rt::Duration) {
  co_return fail(ErrorCode::kUnsupportedVersion, "there is no controller");
}

rt::Task<Result<cluster::ProducerIdBlock>> FileMetadata::next_block() {
  constexpr int64_t kBlock = 1000;
  const cluster::ProducerIdBlock block{next_producer_id_, kBlock};
  next_producer_id_ += kBlock;
  auto saved =
      co_await rt::run_blocking(*runtime_.disk, *runtime_.executors[0], [this] { return save(); });
  if (!saved) co_return fail(saved.error());
  co_return block;
}

}  // namespace semel::sim
