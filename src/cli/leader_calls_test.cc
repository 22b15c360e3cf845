// Tools in a world of two brokers: the leader of each partition is asked, and nobody else.
#include "cli/leader_calls.h"

#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include "cli/kafka_tools.h"
#include "cli/producers_command.h"
#include "cli/topic_command.h"
#include "gen/delete_records.h"
#include "gen/describe_producers.h"
#include "gen/list_offsets.h"
#include "rt/linux/io_pool.h"
#include "rt/linux/system_disk.h"
#include "rt/linux/system_random.h"

namespace semel::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr auto kBackoff = std::chrono::milliseconds{100};
constexpr auto kApiTimeout = std::chrono::milliseconds{1'000};

/// Topic "t", whose partition i is led by leaders[i]; broker 1 is b1:9092, broker 2 b2:9092.
struct World {
  std::string topic = "t";
  std::vector<int32_t> leaders{1, 2};
  ErrorCode topic_code = ErrorCode::kNone;
  rt::Instant now{0};
  std::vector<std::string> asked;                         // "broker API partition,partition"
  std::map<rt::Instant, std::vector<int32_t>> elections;  // the leaders from then on
  std::vector<std::string> unreachable;

  void pass(rt::Duration duration) {
    now = now + duration;
    for (const auto& [when, elected] : elections)
      if (when <= now) leaders = elected;
  }
};

class FakeBroker final : public ApiCaller {
 public:
  FakeBroker(World& world, int32_t id) : world_(world), id_(id) {}

  VersionRange versions(int16_t key) override {
    for (const int16_t known :
         {gen::MetadataRequest::kApiKey, gen::ListOffsetsRequest::kApiKey,
          gen::DeleteRecordsRequest::kApiKey, gen::DescribeProducersRequest::kApiKey})
      if (key == known) return {0, 100};
    return {};
  }
  rt::Instant now() override { return world_.now; }
  bool pause_before_retry(rt::Instant began) override {
    if (world_.now + kBackoff >= began + kApiTimeout) return false;
    world_.pass(kBackoff);
    return true;
  }
  Result<bytes::Buffer> call(int16_t key, int16_t version, bytes::Buffer body) override {
    if (key == gen::MetadataRequest::kApiKey) return metadata(version, body);
    if (key == gen::ListOffsetsRequest::kApiKey) return list_offsets(version, body);
    if (key == gen::DeleteRecordsRequest::kApiKey) return delete_records(version, body);
    return describe_producers(version, body);
  }

 private:
  template <class Request>
  static Request read(int16_t version, const bytes::Buffer& body) {
    Request request;
    bytes::Reader reader(body);
    EXPECT_TRUE(request.decode(reader, version));
    return request;
  }
  template <class Response>
  static bytes::Buffer write(int16_t version, const Response& response) {
    bytes::Writer writer;
    EXPECT_TRUE(response.encode(writer, version));
    return writer.take();
  }
  int16_t code_of(int32_t partition) const {
    const bool leads = world_.leaders.at(static_cast<size_t>(partition)) == id_;
    return static_cast<int16_t>(leads ? ErrorCode::kNone : ErrorCode::kNotLeaderOrFollower);
  }
  void note(std::string_view api, const std::vector<int32_t>& partitions) {
    world_.asked.push_back(fmt::format("{} {} {}", id_, api, fmt::join(partitions, ",")));
  }

  bytes::Buffer metadata(int16_t version, const bytes::Buffer& body) {
    const auto request = read<gen::MetadataRequest>(version, body);
    gen::MetadataResponse response;
    for (int32_t id : {1, 2}) {
      auto& broker = response.brokers.append();
      broker.node_id = id;
      broker.host = fmt::format("b{}", id);
      broker.port = 9092;
    }
    auto& topic = response.topics.append();
    topic.name = world_.topic;
    topic.error_code = static_cast<int16_t>(world_.topic_code);
    for (size_t i = 0; i < world_.leaders.size(); ++i) {
      auto& partition = topic.partitions.append();
      partition.partition_index = static_cast<int32_t>(i);
      partition.leader_id = world_.leaders[i];
      if (world_.leaders[i] < 0)
        partition.error_code = static_cast<int16_t>(ErrorCode::kLeaderNotAvailable);
    }
    return write(version, response);
  }
  bytes::Buffer list_offsets(int16_t version, const bytes::Buffer& body) {
    const auto request = read<gen::ListOffsetsRequest>(version, body);
    gen::ListOffsetsResponse response;
    std::vector<int32_t> asked;
    auto& topic = response.topics.append();
    topic.name = "t";
    for (const auto& wanted : request.topics.front().partitions) {
      asked.push_back(wanted.partition_index);
      auto& answer = topic.partitions.append();
      answer.partition_index = wanted.partition_index;
      answer.error_code = code_of(wanted.partition_index);
      answer.offset = 100 * id_ + wanted.partition_index;
    }
    note("ListOffsets", asked);
    return write(version, response);
  }
  bytes::Buffer delete_records(int16_t version, const bytes::Buffer& body) {
    const auto request = read<gen::DeleteRecordsRequest>(version, body);
    gen::DeleteRecordsResponse response;
    std::vector<int32_t> asked;
    auto& topic = response.topics.append();
    topic.name = "t";
    for (const auto& wanted : request.topics.front().partitions) {
      asked.push_back(wanted.partition_index);
      auto& answer = topic.partitions.append();
      answer.partition_index = wanted.partition_index;
      answer.error_code = code_of(wanted.partition_index);
      answer.low_watermark = wanted.offset;
    }
    note("DeleteRecords", asked);
    return write(version, response);
  }
  bytes::Buffer describe_producers(int16_t version, const bytes::Buffer& body) {
    const auto request = read<gen::DescribeProducersRequest>(version, body);
    gen::DescribeProducersResponse response;
    std::vector<int32_t> asked;
    auto& topic = response.topics.append();
    topic.name = "t";
    for (const int32_t index : request.topics.front().partition_indexes) {
      asked.push_back(index);
      auto& answer = topic.partitions.append();
      answer.partition_index = index;
      answer.error_code = code_of(index);
      auto& producer = answer.active_producers.append();
      producer.producer_id = 1'000 * id_ + index;
    }
    note("DescribeProducers", asked);
    return write(version, response);
  }

  World& world_;
  int32_t id_;
};

class LeaderCallsTest : public testing::Test {
 protected:
  LeaderCallsTest()
      : folder_(std::filesystem::temp_directory_path() /
                fmt::format("semel-leaders-{}", ::getpid())) {
    std::filesystem::create_directories(folder_);
  }
  ~LeaderCallsTest() override { std::filesystem::remove_all(folder_); }

  int run(int (*tool)(const KafkaCall&), std::vector<std::string> words,
          DumpStyle style = DumpStyle::kKafka43) {
    return tool({words, paths_, connect_, style, random_, output});
  }
  int delete_records(const std::string& partitions, DumpStyle style = DumpStyle::kKafka43) {
    const std::string path = folder_ / "offsets.json";
    std::ofstream(path) << "{\"version\":1,\"partitions\":[" << partitions << "]}";
    return run(&run_kafka_delete_records,
               {"--bootstrap-server", "b1:9092", "--offset-json-file", path}, style);
  }
  static std::string row(int32_t partition) {
    return fmt::format(R"({{"topic":"t","partition":{},"offset":{}}})", partition, 5 + partition);
  }

  World world;
  CapturedOutput output;
  const Connect connect_ = [this](const ClusterAddress& to) -> Result<std::unique_ptr<ApiCaller>> {
    if (std::ranges::find(world.unreachable, to.servers) != world.unreachable.end())
      return fail(ErrorCode::kNetworkException, to.servers + " is not reached");
    return std::make_unique<FakeBroker>(world, to.servers == "b2:9092" ? 2 : 1);
  };

 private:
  std::filesystem::path folder_;
  rt::linux_os::IoPool pool_{1};
  rt::linux_os::SystemDisk disk_{pool_};
  DumpPaths paths_{disk_, folder_.string()};
  rt::linux_os::SystemRandom random_;
};

TEST_F(LeaderCallsTest, OffsetsAreAskedOfEachLeader) {
  world.leaders = {1, 2, 1, 2};
  EXPECT_EQ(run(&run_kafka_get_offsets, {"--bootstrap-server", "b1:9092", "--topic", "t"}), 0);
  EXPECT_EQ(output.stdout_text, "t:0:100\nt:1:201\nt:2:102\nt:3:203\n");
  EXPECT_EQ(output.stderr_text, "");
  EXPECT_THAT(world.asked, ElementsAre("1 ListOffsets 0,2", "2 ListOffsets 1,3"));
}

TEST_F(LeaderCallsTest, APartitionWithoutALeaderIsWaitedForThenToldInKafkasWords) {
  world.leaders = {1, 2, -1};
  EXPECT_EQ(run(&run_kafka_get_offsets, {"--bootstrap-server", "b1:9092"}), 0);
  EXPECT_EQ(output.stdout_text, "t:0:100\nt:1:201\n");
  EXPECT_EQ(output.stderr_text,
            "Skip getting offsets for topic-partition t-2 due to error: "
            "org.apache.kafka.common.errors.TimeoutException: Timed out waiting for a node "
            "assignment. Call: listOffsets(api=METADATA)\n");
  EXPECT_EQ(world.now, rt::Instant{0} + 9 * kBackoff) << "default.api.timeout.ms";
  EXPECT_THAT(world.asked, ElementsAre("1 ListOffsets 0", "2 ListOffsets 1"))
      << "who has answered is not asked again";
}

TEST_F(LeaderCallsTest, AnElectionOnTheWayIsFollowed) {
  world.leaders = {1, -1};
  world.elections[rt::Instant{0} + 3 * kBackoff] = {1, 2};
  EXPECT_EQ(run(&run_kafka_get_offsets, {"--bootstrap-server", "b1:9092"}), 0);
  EXPECT_EQ(output.stdout_text, "t:0:100\nt:1:201\n");
  EXPECT_EQ(output.stderr_text, "");
}

TEST_F(LeaderCallsTest, ALeaderThatIsNotReachedIsToldAsSuch) {
  world.unreachable = {"b2:9092"};
  EXPECT_EQ(run(&run_kafka_get_offsets, {"--bootstrap-server", "b1:9092"}), 0);
  EXPECT_EQ(output.stdout_text, "t:0:100\n");
  EXPECT_THAT(output.stderr_text, HasSubstr("t-1 due to error: org.apache.kafka.common.errors."
                                            "TimeoutException: Timed out waiting for a node "
                                            "assignment. Call: listOffsets(api=LIST_OFFSETS)\n"));
}

TEST_F(LeaderCallsTest, RecordsAreDeletedByEachLeader) {
  world.leaders = {1, 2, -1};
  EXPECT_EQ(delete_records(row(0) + "," + row(1) + "," + row(2)), 0);
  EXPECT_THAT(output.stdout_text, HasSubstr("partition: t-0\tlow_watermark: 5\n"));
  EXPECT_THAT(output.stdout_text, HasSubstr("partition: t-1\tlow_watermark: 6\n"));
  EXPECT_THAT(output.stdout_text,
              HasSubstr("partition: t-2\terror: org.apache.kafka.common.errors.TimeoutException: "
                        "Timed out waiting for a node assignment. Call: "
                        "deleteRecords(api=METADATA)\n"));
  EXPECT_THAT(world.asked, ElementsAre("1 DeleteRecords 0", "2 DeleteRecords 1"));
}

TEST_F(LeaderCallsTest, Kafka26DoesNotWaitForALeader) {
  world.leaders = {1, -1};
  EXPECT_EQ(delete_records(row(0) + "," + row(1), DumpStyle::kKafka26), 0);
  EXPECT_THAT(output.stdout_text, HasSubstr("partition: t-0\tlow_watermark: 5\n"));
  EXPECT_THAT(output.stdout_text,
              HasSubstr("partition: t-1\terror: org.apache.kafka.common.errors."
                        "LeaderNotAvailableException: There is no leader for this topic-partition "
                        "as we are in the middle of a leadership election.\n"));
  EXPECT_EQ(world.now, rt::Instant{0});
}

TEST_F(LeaderCallsTest, ATopicThatMayNotBeDescribedIsTold) {
  world.topic_code = ErrorCode::kTopicAuthorizationFailed;
  EXPECT_EQ(delete_records(row(0)), 0);
  EXPECT_THAT(output.stdout_text,
              HasSubstr("partition: t-0\terror: org.apache.kafka.common.errors."
                        "TopicAuthorizationException: Failed to fetch metadata for partition t-0 "
                        "due to topic authorization failure\n"));
  EXPECT_THAT(world.asked, testing::IsEmpty());
}

TEST_F(LeaderCallsTest, ProducersAreAskedOfEachLeaderOnce) {
  world.leaders = {2, 1, -1};
  const std::vector<std::string> words{"list", "-b", "b1:9092"};
  EXPECT_EQ(run_producers_command(words, connect_, output), kFailed);
  EXPECT_THAT(output.stdout_text, HasSubstr("t-0  producer 2000 "));
  EXPECT_THAT(output.stdout_text, HasSubstr("t-1  producer 1001 "));
  EXPECT_THAT(output.stderr_text, HasSubstr("semel producers: t-2: There is no leader for this "
                                            "topic-partition"));
  EXPECT_EQ(world.now, rt::Instant{0});
}

TEST_F(LeaderCallsTest, OffsetsFilesAreReadAsKafkaReadsThem) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"topic":"t","partition":4294967296,"offset":5})",
       "Expected `Integer` value, received 4294967296"},
      {R"({"topic":"t","partition":"0","offset":5})", "Expected `Integer` value, received \"0\""},
      {R"({"topic":"t","offset":5})", "No such field exists: `partition`"},
      {R"({"topic":7,"partition":0,"offset":5})", "Expected `String` value, received 7"},
      {R"({"topic":"t","partition":0,"offset":5.5})", "Expected `Long` value, received 5.5"},
      {R"({"topic":"t","partition":0,"offset":9223372036854775808})",
       "Expected `Long` value, received 9223372036854775808"},
      {"7", "Expected JSON object, received 7"},
      {R"(],"version":"1","partitions":[)", "Expected `Integer` value, received \"1\""}};
  for (const auto& [rows, why] : cases) {
    output = CapturedOutput();
    EXPECT_EQ(delete_records(rows), 1) << rows;
    EXPECT_THAT(
        output.stderr_text,
        HasSubstr(fmt::format("com.fasterxml.jackson.databind.JsonMappingException: {}\n", why)));
  }
  EXPECT_THAT(world.asked, testing::IsEmpty());
}

TEST_F(LeaderCallsTest, NamesThatAreNoUtf8AreToldInJsonAllTheSame) {
  world.topic = "a\xffz";
  const std::vector<std::string> words{"list", "-b", "b1:9092", "-o", "json"};
  EXPECT_EQ(run_topic_command(words, connect_, output), kOk);
  EXPECT_EQ(output.stdout_text, "[\"a\xef\xbf\xbdz\"]\n");
}

}  // namespace
}  // namespace semel::cli
