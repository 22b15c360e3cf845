// Clients against a broker that says what a script makes it say, in the simulator: answers that are
// wrong, late or from the wrong place.
#include <map>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "base/log.h"
#include "client/consumer.h"
#include "client/producer.h"
#include "gen/api_table.h"
#include "gen/api_versions.h"
#include "gen/fetch.h"
#include "gen/init_producer_id.h"
#include "gen/list_offsets.h"
#include "gen/produce.h"
#include "record/batch_builder.h"
#include "rt/sim/world.h"
#include "rt/stream_io.h"
#include "wire/frame.h"

namespace semel::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

/// What the brokers of a test say; everything not set is an empty, healthy cluster.
struct Script {
  std::function<void(gen::MetadataResponse&)> metadata;
  std::function<void(gen::InitProducerIdResponse&)> init_producer_id;
  std::function<void(gen::ListOffsetsResponse&)> list_offsets;
  std::function<void(const std::string& host, gen::FetchResponse&)> fetch;
  /// The code for each partition, by the host that was asked.
  std::function<ErrorCode(const std::string& host)> produce;
  std::map<std::string, int> asked;  // "host API"
};

class ScriptedBroker final : public rt::sim::Program {
 public:
  ScriptedBroker(rt::Runtime runtime, std::string host, Script& script)
      : runtime_(std::move(runtime)), host_(std::move(host)), script_(script) {}

  void start() override {
    listener_ = std::move(*runtime_.network->listen(
        {host_, 9092}, runtime_.executors, [this](std::unique_ptr<rt::Stream> stream) {
          rt::spawn(serve(std::move(stream), gate_.enter()));
        }));
  }
  rt::Task<void> stop() override {
    listener_->close();
    is_stopped_ = true;
    for (rt::Stream* stream : open_) stream->close();
    co_await gate_.close(*runtime_.executors[0]);
  }

 private:
  rt::Task<void> serve(std::unique_ptr<rt::Stream> stream, rt::Gate::Entry entry) {
    open_.push_back(stream.get());
    while (!is_stopped_) {
      std::byte size_bytes[wire::kFrameSizeBytes];
      const auto head = co_await rt::read_exactly(*stream, size_bytes);
      if (!head) break;
      std::vector<std::byte> frame(*wire::read_frame_size(size_bytes, 1 << 20));
      const auto body = co_await rt::read_exactly(*stream, frame);
      if (!body) break;
      const bytes::Buffer answer = answer_to(frame);
      const auto sent = co_await rt::write_all(*stream, answer.span());
      if (!sent) break;
    }
    std::erase(open_, stream.get());
  }

  bytes::Buffer answer_to(bytes::ByteSpan frame) {
    const wire::RequestPrefix prefix = *wire::peek_request(frame);
    bytes::Reader reader(frame);
    static_cast<void>(wire::read_request_header(
        reader, gen::request_header_version(prefix.api_key, prefix.api_version)));
    bytes::Writer writer;
    const wire::FrameStart start = wire::begin_frame(writer);
    wire::put_response_header(writer, prefix.correlation_id,
                              gen::response_header_version(prefix.api_key, prefix.api_version));
    put_body(writer, prefix, reader);
    wire::end_frame(writer, start);
    return writer.take();
  }

  template <class Response>
  void put(bytes::Writer& writer, const wire::RequestPrefix& prefix, std::string_view api,
           Response response, const std::function<void(Response&)>& change) {
    ++script_.asked[fmt::format("{} {}", host_, api)];
    if (change) change(response);
    SEMEL_ASSERT(response.encode(writer, prefix.api_version).has_value());
  }

  void put_body(bytes::Writer& writer, const wire::RequestPrefix& prefix, bytes::Reader& reader) {
    switch (prefix.api_key) {
      case gen::ApiVersionsRequest::kApiKey:
        return put<gen::ApiVersionsResponse>(writer, prefix, "ApiVersions", versions(), {});
      case gen::MetadataRequest::kApiKey:
        return put(writer, prefix, "Metadata", metadata(), script_.metadata);
      case gen::InitProducerIdRequest::kApiKey: {
        gen::InitProducerIdResponse response;
        response.producer_id = 7;
        response.producer_epoch = 0;
        return put(writer, prefix, "InitProducerId", response, script_.init_producer_id);
      }
      case gen::ListOffsetsRequest::kApiKey: {
        gen::ListOffsetsResponse response;
        auto& topic = response.topics.append();
        topic.name = "t";
        topic.partitions.append().offset = 0;
        return put(writer, prefix, "ListOffsets", std::move(response), script_.list_offsets);
      }
      case gen::FetchRequest::kApiKey:
        return put<gen::FetchResponse>(writer, prefix, "Fetch", gen::FetchResponse{},
                                       [this](gen::FetchResponse& response) {
                                         if (script_.fetch) script_.fetch(host_, response);
                                       });
      default:
        return put_produced(writer, prefix, reader);
    }
  }

  static gen::ApiVersionsResponse versions() {
    gen::ApiVersionsResponse response;
    const auto add = [&]<class Request>() {
      auto& api = response.api_keys.append();
      api.api_key = Request::kApiKey;
      api.min_version = Request::kMinVersion;
      api.max_version = Request::kMaxVersion;
    };
    add.operator()<gen::ApiVersionsRequest>();
    add.operator()<gen::MetadataRequest>();
    add.operator()<gen::InitProducerIdRequest>();
    add.operator()<gen::ListOffsetsRequest>();
    add.operator()<gen::FetchRequest>();
    add.operator()<gen::ProduceRequest>();
    return response;
  }

  /// Topic t with one partition, led by broker 1 at "broker:9092".
  static gen::MetadataResponse metadata() {
    gen::MetadataResponse response;
    auto& broker = response.brokers.append();
    broker.node_id = 1;
    broker.host = "broker";
    broker.port = 9092;
    auto& topic = response.topics.append();
    topic.name = "t";
    topic.partitions.append().leader_id = 1;
    return response;
  }

  void put_produced(bytes::Writer& writer, const wire::RequestPrefix& prefix,
                    bytes::Reader& reader) {
    gen::ProduceRequest request;
    SEMEL_ASSERT(request.decode(reader, prefix.api_version).has_value());
    gen::ProduceResponse response;
    const ErrorCode code = script_.produce ? script_.produce(host_) : ErrorCode::kNone;
    for (const auto& sent : request.topic_data) {
      auto& topic = response.responses.append();
      topic.name = sent.name;
      for (const auto& data : sent.partition_data) {
        auto& answer = topic.partition_responses.append();
        answer.index = data.index;
        answer.error_code = static_cast<int16_t>(code);
        answer.base_offset = next_offset_++;
      }
    }
    put<gen::ProduceResponse>(writer, prefix, "Produce", std::move(response), {});
  }

  rt::Runtime runtime_;
  std::string host_;
  Script& script_;
  std::unique_ptr<rt::Listener> listener_;
  std::vector<rt::Stream*> open_;
  bool is_stopped_ = false;
  int64_t next_offset_ = 0;
  rt::Gate gate_;
};

class HostileBroker : public testing::Test, protected DeliveryListener {
 protected:
  HostileBroker() {
    set_log_sink([](LogLevel, std::string_view, std::string_view) {}, LogLevel::kError);
    boot("broker");
    world.add_node("client");
    client_ = &world.node("client").boot(1);
  }
  void boot(const std::string& host) {
    rt::sim::Process& process = world.add_node(host).boot(1);
    process.run(std::make_unique<ScriptedBroker>(process.runtime(), host, script));
  }
  void on_delivery(const Delivery& delivery) override {
    reports.push_back(delivery.fate == Fate::kStored
                          ? fmt::format("{} stored", delivery.tag)
                          : fmt::format("{}: {}", delivery.tag, delivery.error.context));
  }
  Environment environment() {
    rt::Runtime& runtime = client_->runtime();
    return {*runtime.executors[0], *runtime.network, *runtime.random};
  }
  rt::Instant now() const { return client_->clock().now(); }

  /// Sends one record and waits for its report; how long that took.
  rt::Duration produce(std::vector<ClientSetting> settings = {}) {
    return world.run(*client_, produce_one(std::move(settings)));
  }
  rt::Task<rt::Duration> produce_one(std::vector<ClientSetting> settings) {
    settings.push_back({"bootstrap.servers", "broker:9092"});
    auto config = ProducerConfig::from(settings);
    SEMEL_ASSERT(config.has_value());
    const rt::Instant start = now();
    Producer producer(environment(), std::move(*config), *this);
    producer.start();
    ProducerRecord record;
    record.topic = "t";
    record.partition = 0;
    record.value = bytes::as_bytes("v");
    auto sent = co_await producer.send(record, 1);
    if (!sent) reports.push_back("refused: " + sent.error().context);
    auto flushed = co_await producer.flush();
    const rt::Duration took = now() - start;
    co_await producer.close(Milliseconds{0});
    co_return flushed ? took : rt::Duration::max();
  }

  /// Reads partition 0 for a while; the records seen.
  size_t consume(rt::Duration duration = seconds{1}) {
    return world.run(*client_, consume_for(duration));
  }
  rt::Task<size_t> consume_for(rt::Duration duration) {
    const ClientSetting settings[] = {{"bootstrap.servers", "broker:9092"},
                                      {"auto.offset.reset", "earliest"},
                                      {"metadata.max.age.ms", "500"}};
    Consumer consumer(environment(), *ConsumerConfig::from(settings));
    const TopicPartition partition{"t", PartitionIndex{0}};
    consumer.assign({partition, {"t", PartitionIndex{1}}});
    size_t records = 0;
    const rt::Instant end = now() + duration;
    while (now() < end) {
      auto count = co_await consumer.poll({end, nullptr},
                                          [&](const ConsumedRecord&) { return ++records > 0; });
      static_cast<void>(count);
    }
    co_await consumer.close();
    co_return records;
  }

  rt::Task<Result<int32_t>> count_partitions(rt::Duration patience) {
    const ClientSetting settings[] = {{"bootstrap.servers", "broker:9092"}};
    Consumer consumer(environment(), *ConsumerConfig::from(settings));
    auto found = co_await consumer.partitions_of("t", {now() + patience, nullptr});
    co_await consumer.close();
    co_return found;
  }

  rt::sim::World world{1};
  Script script;
  std::vector<std::string> reports;

 private:
  rt::sim::Process* client_ = nullptr;
};

using testing::ElementsAre;
using testing::Le;

TEST_F(HostileBroker, AHealthyClusterTakesARecordAtOnce) {
  EXPECT_LT(produce(), milliseconds{200});
  EXPECT_THAT(reports, ElementsAre("1 stored"));
}

TEST_F(HostileBroker, ALeaderThatIsNoBrokerIsAskedForAgain) {
  int told = 0;
  script.metadata = [&](gen::MetadataResponse& response) {
    if (++told <= 3) response.topics.front().partitions.front().leader_id = 9;
  };
  EXPECT_LT(produce(), seconds{2});
  EXPECT_THAT(reports, ElementsAre("1 stored"));
}

TEST_F(HostileBroker, AProducerIdThatIsNoneIsAskedForAgain) {
  int told = 0;
  script.init_producer_id = [&](gen::InitProducerIdResponse& response) {
    if (++told <= 2) response.producer_id = -1;
    if (told == 3) response.producer_epoch = -1;
  };
  EXPECT_LT(produce(), seconds{2});
  EXPECT_THAT(reports, ElementsAre("1 stored"));
}

TEST_F(HostileBroker, ABrokerThatMovedWhileItsConnectionWasOpenedIsLookedForWhereItIs) {
  // Broker 1 was at "old"; the connection there opens late, when metadata tells of "broker"
  // already.
  boot("old");
  world.run_for(milliseconds{10});
  world.node("old").pause();
  world.schedule(seconds{2}, [&] { world.node("old").resume(); });
  int told = 0;
  script.metadata = [&](gen::MetadataResponse& response) {
    if (++told == 1) response.brokers.front().host = "old";
    auto& other = response.topics.front().partitions.append();  // keeps the client asking
    other.partition_index = 1;
    other.leader_id = -1;
  };
  script.produce = [](const std::string& host) {
    return host == "old" ? ErrorCode::kNotLeaderOrFollower : ErrorCode::kNone;
  };
  EXPECT_LT(produce(), seconds{5});
  EXPECT_THAT(reports, ElementsAre("1 stored"));
  EXPECT_EQ(script.asked["old Produce"], 0);
}

TEST_F(HostileBroker, WaitingForEverIsNotOver) {
  int told = 0;
  script.metadata = [&](gen::MetadataResponse& response) {
    if (++told <= 3) response.topics.clear();
  };
  const std::string longest = "9223372036854775807";
  produce({{"max.block.ms", longest},
           {"metadata.max.age.ms", longest},
           {"reconnect.backoff.max.ms", longest},
           {"retry.backoff.max.ms", longest}});
  EXPECT_THAT(reports, ElementsAre("1 stored"));
}

TEST_F(HostileBroker, AFetchThatIsRefusedAsAWholeIsNotRepeatedAtOnce) {
  script.fetch = [](const std::string&, gen::FetchResponse& response) {
    response.error_code = static_cast<int16_t>(ErrorCode::kUnknownServerError);
  };
  EXPECT_EQ(consume(), 0u);
  EXPECT_THAT(script.asked["broker Fetch"], Le(20));
}

TEST_F(HostileBroker, AnEndThatIsNoOffsetIsNotAskedForAtOnceAgain) {
  script.list_offsets = [](gen::ListOffsetsResponse& response) {
    response.topics.front().partitions.front().offset = -1;
  };
  EXPECT_EQ(consume(), 0u);
  EXPECT_THAT(script.asked["broker ListOffsets"], Le(20));
}

TEST_F(HostileBroker, AnAnswerOfAFormerLeaderIsTooLate) {
  // Broker 2 at "old" leads partition 0 first, and answers its Fetch when broker 1 has led for
  // long; partition 1 keeps a connection to broker 1 open.
  boot("old");
  bool has_moved = false;
  script.metadata = [&](gen::MetadataResponse& response) {
    auto& old = response.brokers.append();
    old.node_id = 2;
    old.host = "old";
    old.port = 9092;
    auto& other = response.topics.front().partitions.append();
    other.partition_index = 1;
    other.leader_id = 1;
    if (!has_moved) response.topics.front().partitions.front().leader_id = 2;
  };
  script.list_offsets = [&](gen::ListOffsetsResponse& response) {
    if (script.asked["old ListOffsets"] == 0)  // of the other partition
      response.topics.front().partitions.front().partition_index = 1;
    if (script.asked["old ListOffsets"] == 0 || std::exchange(has_moved, true)) return;
    world.schedule(milliseconds{0}, [&] { world.node("old").pause(); });
    world.schedule(seconds{2}, [&] { world.node("old").resume(); });
  };
  script.fetch = [](const std::string& host, gen::FetchResponse& response) {
    auto& topic = response.responses.append();
    topic.topic = "t";
    auto& data = topic.partitions.append();
    if (host == "old") data.error_code = static_cast<int16_t>(ErrorCode::kOffsetOutOfRange);
    if (host == "old") return;
    record::BatchBuilder builder;
    builder.start({});
    for (int i = 0; i < 3; ++i) builder.append({.timestamp = 1, .value = bytes::as_bytes("v")});
    bytes::Compressor compressor;
    const auto bytes = builder.finish(compressor);
    data.records = bytes::Buffer::copy_of(*bytes);
  };
  EXPECT_EQ(consume(seconds{4}), 3u);
  EXPECT_EQ(script.asked["old Fetch"], 1);
  EXPECT_EQ(script.asked["broker ListOffsets"], 1)
      << "of the other partition; auto.offset.reset has no say";
}

TEST_F(HostileBroker, AConnectionIsNotWaitedForLongerThanItsUserWaits) {
  world.node("broker").kill(rt::sim::Death::kPower);
  const rt::Instant start = now();
  const auto count = world.run(*world.node("client").process(), count_partitions(seconds{2}));
  ASSERT_FALSE(count.has_value());
  EXPECT_EQ(count.error().code, ErrorCode::kNetworkException);
  EXPECT_THAT(count.error().context, testing::HasSubstr("broker:9092"));
  EXPECT_LT(now() - start, seconds{3});
}

}  // namespace
}  // namespace semel::client
