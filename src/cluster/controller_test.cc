// The controller's decisions, without log or network.
#include "cluster/controller.h"

#include "cluster/directory_decisions.h"
#include "cluster/election_decisions.h"
#include "cluster/feature_decisions.h"
#include "cluster/format.h"
#include "cluster/isr_decisions.h"
#include "cluster/testing.h"
#include "cluster/topic_decisions.h"

namespace semel::cluster {
namespace {

using namespace testing;

class CountingRandom final : public rt::Random {
 public:
  uint64_t next() override { return ++count_ * 0x9e3779b97f4a7c15ull; }

 private:
  uint64_t count_ = 0;
};

const Uuid kDirectory = Uuid::from_halves(11, 22);

/// A controller whose records are replayed as soon as they are decided.
class Fixture : public ::testing::Test {
 protected:
  explicit Fixture(const FeatureLevels& features = default_feature_levels()) {
    ControllerSettings settings;
    settings.node_id = 1001;
    settings.cluster_id = "Z29sZGVuLWRhdGEtc2V0MA";
    settings.incarnation_id = Uuid::from_halves(5, 5);
    settings.bootstrap = bootstrap_records(features, {});
    controller = std::make_unique<Controller>(settings, random);
    for (const Records& batch : controller->activation(std::nullopt)) append(batch);
  }

  void append(const Records& records) {
    if (records.empty()) return;
    const auto replayed = controller->replay(records, next, LeaderEpoch{1}, now);
    ASSERT_TRUE(replayed.has_value()) << replayed.error().context;
    next = next + static_cast<int64_t>(records.size());
  }

  gen::BrokerRegistrationRequest registration(int32_t id, uint64_t incarnation = 1) {
    gen::BrokerRegistrationRequest request;
    request.broker_id = id;
    request.cluster_id = "Z29sZGVuLWRhdGEtc2V0MA";
    request.incarnation_id = Uuid::from_halves(static_cast<uint64_t>(id), incarnation);
    auto& listener = request.listeners.append();
    listener.name = "PLAINTEXT";
    listener.host = "localhost";
    listener.port = 9092;
    for (const auto& [name, range] : controller_features()) {
      auto& feature = request.features.append();
      feature.name = name;
      feature.min_supported_version = range.min;
      feature.max_supported_version = range.max;
    }
    request.log_dirs.push_back(Uuid::from_halves(100, static_cast<uint64_t>(id)));
    return request;
  }

  ErrorCode do_register(const gen::BrokerRegistrationRequest& request) {
    const auto decision = controller->register_broker(request, next, now);
    if (!decision) {
      text = decision.error().context;
      return decision.error().code;
    }
    epochs[request.broker_id] = decision->response.broker_epoch;
    append(decision->records);
    return ErrorCode::kNone;
  }

  gen::BrokerHeartbeatResponse beat(int32_t id, bool want_fence, bool want_shut_down = false) {
    gen::BrokerHeartbeatRequest request;
    request.broker_id = id;
    request.broker_epoch = epochs[id];
    request.current_metadata_offset = next.value - 1;
    request.want_fence = want_fence;
    request.want_shut_down = want_shut_down;
    const auto decision = controller->heartbeat(request, now);
    EXPECT_TRUE(decision.has_value()) << decision.error().context;
    append(decision->records);
    last_records = decision->records;
    return decision->response;
  }

  void start_broker(int32_t id) {
    ASSERT_EQ(do_register(registration(id)), ErrorCode::kNone) << text;
    ASSERT_FALSE(beat(id, false).is_fenced);
  }

  gen::CreateTopicsResponse create(const std::string& name, int32_t partitions = 1,
                                   int16_t factor = 1,
                                   const std::map<std::string, std::string>& configs = {}) {
    gen::CreateTopicsRequest request;
    auto& topic = request.topics.append();
    topic.name = name;
    topic.num_partitions = partitions;
    topic.replication_factor = factor;
    for (const auto& [key, value] : configs) {
      auto& config = topic.configs.append();
      config.name = key;
      config.value = value;
    }
    return create(request);
  }
  gen::CreateTopicsResponse create(const gen::CreateTopicsRequest& request) {
    auto decision = decide_create_topics(controller->view(), request);
    append(decision.records);
    return decision.response;
  }
  std::string refusal(const gen::CreateTopicsResponse& response) {
    const auto& topic = response.topics.front();
    return fmt::format("{} {}", topic.error_code, topic.error_message.value_or(""));
  }
  const PartitionRegistration& partition(const std::string& topic, int32_t index = 0) {
    return *controller->image()->partition(topic, PartitionIndex{index});
  }

  CountingRandom random;
  std::unique_ptr<Controller> controller;
  Offset next{1};
  int64_t now = 1000;
  std::map<int32_t, int64_t> epochs;
  std::string text;
  Records last_records;
};

using ControllerTest = Fixture;

TEST_F(ControllerTest, ActivationWritesFeaturesAndItself) {
  const MetadataImage& image = *controller->image();
  EXPECT_EQ(image.metadata_version(), 25);
  EXPECT_EQ(image.feature_level("transaction.version"), 2);
  EXPECT_EQ(image.feature_level("group.version"), 0);
  EXPECT_TRUE(image.brokers->controllers.contains(1001));
  EXPECT_TRUE(controller->activation(std::nullopt).empty())
      << "a second activation finds everything there";
}

TEST_F(ControllerTest, ABrokerIsFencedUntilItAsksCaughtUp) {
  ASSERT_EQ(do_register(registration(1)), ErrorCode::kNone);
  EXPECT_TRUE(controller->image()->broker(BrokerId{1})->fenced);
  EXPECT_EQ(epochs[1], next.value - 1) << "the epoch is the registration's offset";
  EXPECT_TRUE(beat(1, true).is_fenced);
  gen::BrokerHeartbeatRequest behind;
  behind.broker_id = 1;
  behind.broker_epoch = epochs[1];
  behind.current_metadata_offset = epochs[1] - 1;
  const auto decision = controller->heartbeat(behind, now);
  ASSERT_TRUE(decision.has_value());
  EXPECT_FALSE(decision->response.is_caught_up);
  EXPECT_TRUE(decision->records.empty());
  EXPECT_FALSE(beat(1, false).is_fenced);
  EXPECT_TRUE(controller->image()->is_active(BrokerId{1}));
}

TEST_F(ControllerTest, RegistrationsAreRefusedWithKafkasReasons) {
  auto request = registration(1);
  request.cluster_id = "other";
  EXPECT_EQ(do_register(request), ErrorCode::kInconsistentClusterId);
  EXPECT_EQ(text, "Expected cluster ID Z29sZGVuLWRhdGEtc2V0MA, but got cluster ID other");
  request = registration(1);
  request.features.clear();
  EXPECT_EQ(do_register(request), ErrorCode::kInvalidRegistration);
  EXPECT_EQ(text, "Request features do not contain 'metadata.version'");
  request = registration(1);
  for (auto& feature : request.features)
    if (feature.name == "metadata.version") feature.max_supported_version = 24;
  EXPECT_EQ(do_register(request), ErrorCode::kUnsupportedVersion);
  EXPECT_EQ(text,
            "Unable to register because the broker does not support finalized version 25 of "
            "metadata.version. "
            "The broker wants a version between 7 and 24, inclusive.");
  request = registration(1);
  request.log_dirs.clear();
  EXPECT_EQ(do_register(request), ErrorCode::kInvalidRegistration);
  request.log_dirs = {Uuid::from_halves(0, 99)};
  EXPECT_EQ(do_register(request), ErrorCode::kInvalidRegistration);
  EXPECT_EQ(text, "Reserved directory ID in request");
  request.log_dirs = {kDirectory, kDirectory};
  EXPECT_EQ(do_register(request), ErrorCode::kInvalidRegistration);
  start_broker(1);
  request = registration(2);
  request.log_dirs = {Uuid::from_halves(100, 1)};
  EXPECT_EQ(do_register(request), ErrorCode::kInvalidRegistration);
  EXPECT_EQ(text,
            "Broker 1 is already registered with directory " + Uuid::from_halves(100, 1).to_text());
}

TEST_F(ControllerTest, ANewIncarnationWaitsForTheOldSession) {
  start_broker(1);
  EXPECT_EQ(do_register(registration(1, 2)), ErrorCode::kDuplicateBrokerRegistration);
  const int64_t epoch = epochs[1];
  EXPECT_EQ(do_register(registration(1, 1)), ErrorCode::kNone) << "the same incarnation may";
  EXPECT_EQ(epochs[1], epoch);
  EXPECT_FALSE(controller->image()->broker(BrokerId{1})->fenced);
  now += 9001;
  EXPECT_EQ(do_register(registration(1, 2)), ErrorCode::kNone);
  EXPECT_GT(epochs[1], epoch);
  EXPECT_TRUE(controller->image()->broker(BrokerId{1})->fenced);
}

TEST_F(ControllerTest, ASilentBrokerIsFencedAndItsPartitionsLoseTheirLeader) {
  start_broker(1);
  create("t", 2);
  EXPECT_EQ(partition("t").leader, BrokerId{1});
  EXPECT_TRUE(controller->fence_stale(now + 9000).empty());
  append(controller->fence_stale(now + 9001));
  EXPECT_FALSE(partition("t").has_leader());
  EXPECT_EQ(partition("t").isr, std::vector<BrokerId>{BrokerId{1}})
      << "without ELR the last one stays in the ISR";
  EXPECT_EQ(partition("t").leader_epoch, LeaderEpoch{1});
  EXPECT_TRUE(controller->image()->broker(BrokerId{1})->fenced);
  EXPECT_TRUE(controller->fence_stale(now + 90010).empty());
  now += 10000;
  EXPECT_FALSE(beat(1, false).is_fenced);
  EXPECT_EQ(partition("t").leader, BrokerId{1});
  EXPECT_EQ(partition("t").leader_epoch, LeaderEpoch{2});
  EXPECT_EQ(partition("t").partition_epoch, 2);
}

TEST_F(ControllerTest, ActivationFencesTheProcessesOwnBroker) {
  start_broker(1);
  start_broker(2);
  create("t", 1, 2);
  const auto batches = controller->activation(BrokerId{1});
  ASSERT_EQ(batches.size(), 1u);
  append(batches[0]);
  EXPECT_TRUE(controller->image()->broker(BrokerId{1})->fenced);
  EXPECT_FALSE(controller->image()->broker(BrokerId{2})->fenced);
  EXPECT_EQ(partition("t").leader, BrokerId{2});
  EXPECT_EQ(partition("t").isr, std::vector<BrokerId>{BrokerId{2}});
  EXPECT_EQ(do_register(registration(1, 9)), ErrorCode::kDuplicateBrokerRegistration)
      << "only the registration is fenced; the session is the driver's business";
}

TEST_F(ControllerTest, ControlledShutdownMovesLeadershipFirst) {
  start_broker(1);
  start_broker(2);
  create("t", 8, 2);
  const auto first = beat(1, false, true);
  EXPECT_FALSE(first.should_shut_down);
  EXPECT_TRUE(controller->image()->broker(BrokerId{1})->in_controlled_shutdown);
  EXPECT_EQ(std::get<gen::BrokerRegistrationChangeRecord>(last_records.front().body)
                .in_controlled_shutdown,
            1);
  for (int32_t i = 0; i < 8; ++i) EXPECT_EQ(partition("t", i).leader, BrokerId{2});
  controller->shutdown_begins(BrokerId{1}, next - 1);
  EXPECT_FALSE(beat(1, false, true).should_shut_down) << "broker 2 has not read so far";
  beat(2, false);
  const auto last = beat(1, false, true);
  EXPECT_TRUE(last.should_shut_down);
  EXPECT_TRUE(last.is_fenced);
  EXPECT_TRUE(controller->image()->broker(BrokerId{1})->fenced);
  EXPECT_EQ(do_register(registration(1, 2)), ErrorCode::kNone)
      << "a broker that has shut down may come back at once";
}

TEST_F(ControllerTest, TheOnlyBrokerMayShutDownAtOnce) {
  start_broker(1);
  create("t");
  EXPECT_FALSE(beat(1, false, true).should_shut_down);
  EXPECT_FALSE(partition("t").has_leader());
  controller->shutdown_begins(BrokerId{1}, next - 1);
  EXPECT_TRUE(beat(1, false, true).should_shut_down);
}

TEST_F(ControllerTest, StaleAndUnknownBrokersAreTold) {
  start_broker(1);
  gen::BrokerHeartbeatRequest request;
  request.broker_id = 1;
  request.broker_epoch = epochs[1] - 1;
  EXPECT_EQ(controller->heartbeat(request, now).error().code, ErrorCode::kStaleBrokerEpoch);
  request.broker_id = 7;
  EXPECT_EQ(controller->heartbeat(request, now).error().code, ErrorCode::kBrokerIdNotRegistered);
}

TEST_F(ControllerTest, ProducerIdsAscendInBlocksOfAThousand) {
  start_broker(1);
  for (int64_t first : {0, 1000, 2000}) {
    gen::AllocateProducerIdsRequest request;
    request.broker_id = 1;
    request.broker_epoch = epochs[1];
    const auto decision = controller->allocate_producer_ids(request);
    ASSERT_TRUE(decision.has_value());
    EXPECT_EQ(decision->response.producer_id_start, first);
    EXPECT_EQ(decision->response.producer_id_len, 1000);
    append(decision->records);
  }
  gen::AllocateProducerIdsRequest stale;
  stale.broker_id = 1;
  EXPECT_EQ(controller->allocate_producer_ids(stale).error().code, ErrorCode::kStaleBrokerEpoch);
}

TEST_F(ControllerTest, CreateTopicsAnswersAsKafka) {
  EXPECT_EQ(refusal(create("early")),
            "38 Unable to replicate the partition 1 time(s): All brokers are currently fenced, or "
            "have all their log "
            "directories cordoned.");
  start_broker(1);
  const auto response = create("t2", 2, 1, {{"compression.type", "zstd"}});
  const auto& topic = response.topics.front();
  EXPECT_EQ(topic.error_code, 0);
  EXPECT_EQ(topic.num_partitions, 2);
  EXPECT_EQ(topic.replication_factor, 1);
  ASSERT_EQ(topic.configs.size(), 33u);
  EXPECT_EQ(topic.configs[3].name, "compression.type");
  EXPECT_EQ(topic.configs[3].value, "zstd");
  EXPECT_EQ(topic.configs[3].config_source, 1);
  EXPECT_EQ(topic.configs[0].config_source, 5);
  EXPECT_EQ(controller->image()->topic("t2")->id, topic.topic_id);
  EXPECT_EQ(partition("t2", 1).directories, std::vector<DirectoryId>{Uuid::from_halves(100, 1)});
  EXPECT_EQ(refusal(create("t2")), "36 Topic 't2' already exists.");
  EXPECT_EQ(refusal(create("")), "17 Topic name is invalid: the empty string is not allowed");
  EXPECT_EQ(refusal(create("..")), "17 Topic name is invalid: '..' is not allowed");
  EXPECT_EQ(refusal(create("bad name")),
            "17 Topic name is invalid: 'bad name' contains one or more characters other "
            "than ASCII alphanumerics, '.', '_' and '-'");
  create("a.b");
  EXPECT_EQ(refusal(create("a_b")), "17 Topic 'a_b' collides with existing topic: a.b");
  EXPECT_EQ(refusal(create("x", 0)),
            "37 Number of partitions was set to an invalid non-positive value.");
  EXPECT_EQ(refusal(create("x", 1, 0)),
            "38 Replication factor must be larger than 0, or -1 to use the default value.");
  EXPECT_EQ(refusal(create("x", 1, 3)),
            "38 Unable to replicate the partition 3 time(s): The target replication factor of 3 "
            "cannot be reached "
            "because only 1 broker(s) are registered or some brokers have all their log "
            "directories cordoned.");
  EXPECT_EQ(refusal(create("x", 10001)), "44 Excessively large number of partitions per request.");
  EXPECT_EQ(refusal(create("x", 1, 1, {{"retention.ms", "abc"}})),
            "40 Invalid value abc for configuration retention.ms: Not a number of type LONG");
  EXPECT_EQ(refusal(create("x", 1, 1, {{"semel.flush", "ack"}})),
            "40 Unknown topic config name: semel.flush");
  EXPECT_EQ(create("defaults", -1, -1).topics.front().num_partitions, 1);
  EXPECT_EQ(controller->image()->topic("x"), nullptr);
}

TEST_F(ControllerTest, ManualAssignmentsAreChecked) {
  start_broker(1);
  start_broker(2);
  const auto ask = [&](const std::vector<std::pair<int32_t, std::vector<int32_t>>>& assignments,
                       int32_t partitions = -1, int16_t factor = -1) {
    gen::CreateTopicsRequest request;
    auto& topic = request.topics.append();
    topic.name = "m";
    topic.num_partitions = partitions;
    topic.replication_factor = factor;
    for (const auto& [index, brokers] : assignments) {
      auto& assignment = topic.assignments.append();
      assignment.partition_index = index;
      assignment.broker_ids.assign(brokers.begin(), brokers.end());
    }
    return refusal(create(request));
  };
  EXPECT_EQ(ask({{0, {1}}}, 1),
            "42 A manual partition assignment was specified, but numPartitions was not set to -1.");
  EXPECT_EQ(
      ask({{0, {1}}}, -1, 1),
      "42 A manual partition assignment was specified, but replication factor was not set to -1.");
  EXPECT_EQ(ask({{0, {}}}), "39 The manual partition assignment includes an empty replica list.");
  EXPECT_EQ(
      ask({{0, {9}}}),
      "39 The manual partition assignment includes broker 9, but no such broker is registered.");
  EXPECT_EQ(ask({{0, {1, 1}}}),
            "39 The manual partition assignment includes the broker 1 more than once.");
  EXPECT_EQ(ask({{0, {1}}, {0, {1}}}),
            "39 Found multiple manual partition assignments for partition 0");
  EXPECT_EQ(ask({{0, {1}}, {1, {1, 2}}}),
            "39 The manual partition assignment includes a partition with 2 replica(s), but this "
            "is not consistent with "
            "previous partitions, which have 1 replica(s).");
  EXPECT_EQ(ask({{1, {1}}}), "39 partitions should be a consecutive 0-based integer sequence");
  EXPECT_EQ(ask({{1, {2, 1}}, {0, {1, 2}}}), "0 ");
  EXPECT_EQ(partition("m", 1).leader, BrokerId{2});
}

TEST_F(ControllerTest, DuplicatesAndValidateOnly) {
  start_broker(1);
  gen::CreateTopicsRequest request;
  for (const char* name : {"a", "b", "a"}) request.topics.append().name = name;
  for (auto& topic : request.topics) topic.num_partitions = 1;
  for (auto& topic : request.topics) topic.replication_factor = 1;
  request.validate_only = true;
  const auto decision = decide_create_topics(controller->view(), request);
  EXPECT_TRUE(decision.records.empty());
  ASSERT_EQ(decision.response.topics.size(), 2u);
  EXPECT_EQ(decision.response.topics[0].error_code, 42);
  EXPECT_EQ(decision.response.topics[0].error_message, "Duplicate topic name.");
  EXPECT_EQ(decision.response.topics[1].error_code, 0);
  EXPECT_TRUE(decision.response.topics[1].topic_id.is_zero());
}

TEST_F(ControllerTest, DeletingByNameAndById) {
  start_broker(1);
  create("a");
  create("b");
  const TopicId b = controller->image()->topic("b")->id;
  gen::DeleteTopicsRequest request;
  request.topics.append().name = "a";
  request.topics.append().topic_id = b;
  request.topics.append().name = "b";
  request.topics.append().name = "nothere";
  request.topics.append().topic_id = Uuid::from_halves(9, 9);
  request.topics.append();
  const auto decision = decide_delete_topics(controller->view(), request, 6);
  append(decision.records);
  std::vector<std::string> answers;
  for (const auto& result : decision.response.responses)
    answers.push_back(fmt::format("{} {} {}", result.name.value_or("-"), result.error_code,
                                  result.error_message.value_or("")));
  EXPECT_EQ(answers, (std::vector<std::string>{
                         "a 0 ", "b 0 ",
                         "b 42 The provided topic name maps to an ID that was already supplied.",
                         "nothere 3 This server does not host this topic-partition.",
                         "- 100 This server does not host this topic ID.",
                         "- 42 Neither topic name nor id were specified."}));
  EXPECT_TRUE(controller->image()->topics->by_name.empty());
}

TEST_F(ControllerTest, PartitionsGrowOnly) {
  start_broker(1);
  create("t", 2);
  const auto grow = [&](int32_t count) {
    gen::CreatePartitionsRequest request;
    auto& topic = request.topics.append();
    topic.name = "t";
    topic.count = count;
    topic.assignments.set_null();
    auto decision = decide_create_partitions(controller->view(), request);
    append(decision.records);
    const auto& result = decision.response.results.front();
    return fmt::format("{} {}", result.error_code, result.error_message.value_or(""));
  };
  EXPECT_EQ(grow(2), "37 Topic already has 2 partition(s).");
  EXPECT_EQ(grow(1), "37 The topic t currently has 2 partition(s); 1 would not be an increase.");
  EXPECT_EQ(grow(4), "0 ");
  EXPECT_EQ(controller->image()->topic("t")->partitions.size(), 4u);
}

TEST_F(ControllerTest, FeaturesGoUpTogetherOrNotAtAll) {
  start_broker(1);
  const auto update = [&](const std::vector<std::pair<std::string, int16_t>>& levels,
                          int8_t type = 1) {
    gen::UpdateFeaturesRequest request;
    for (const auto& [name, level] : levels) {
      auto& feature = request.feature_updates.append();
      feature.feature = name;
      feature.max_version_level = level;
      feature.upgrade_type = type;
    }
    auto decision = decide_update_features(controller->view(), request, 2);
    append(decision.records);
    return fmt::format("{} {}", decision.response.error_code,
                       decision.response.error_message.value_or(""));
  };
  const std::string failed =
      "95 The update failed for all features since the following feature had an error: ";
  EXPECT_EQ(update({{"metadata.version", 26}, {"nosuch.version", 3}}),
            failed +
                "Invalid update version 3 for feature nosuch.version. Local controller 1001 does "
                "not support this "
                "feature.");
  EXPECT_EQ(controller->image()->metadata_version(), 25);
  EXPECT_EQ(update({{"group.version", 7}}),
            failed +
                "Invalid update version 7 for feature group.version. Local controller 1001 only "
                "supports versions 0-1");
  EXPECT_EQ(update({{"metadata.version", 26}, {"group.version", 1}}), "0 ");
  EXPECT_EQ(controller->image()->metadata_version(), 26);
  EXPECT_EQ(update({{"group.version", 0}}),
            failed +
                "Invalid update version 0 for feature group.version. Can't downgrade the version "
                "of this feature "
                "without setting the upgrade type to either safe or unsafe downgrade.");
  EXPECT_EQ(update({{"group.version", 0}}, 2), "0 ");
  EXPECT_EQ(controller->image()->feature_level("group.version"), 0);
  EXPECT_EQ(update({{"metadata.version", 20}}, 2),
            failed +
                "Invalid metadata.version 20. Refusing to perform the requested downgrade because "
                "it might delete "
                "metadata information.");
}

TEST_F(ControllerTest, DeletingCanBeSwitchedOff) {
  ControllerSettings settings = controller->settings();
  settings.static_configs["delete.topic.enable"] = "false";
  const ControllerView view{*controller->image(), settings, random};
  gen::DeleteTopicsRequest request;
  request.topics.append().name = "a";
  EXPECT_EQ(decide_delete_topics(view, request, 6).response.responses[0].error_code, 73);
}

TEST_F(ControllerTest, PreferredLeadersAreElectedOnRequest) {
  start_broker(1);
  start_broker(2);
  gen::CreateTopicsRequest request;
  auto& topic = request.topics.append();
  topic.name = "p";
  topic.num_partitions = -1;
  topic.replication_factor = -1;
  topic.assignments.append().broker_ids = {1, 2};
  create(request);
  beat(1, true);
  EXPECT_EQ(partition("p").leader, BrokerId{2});
  const auto elect = [&](int32_t index) {
    gen::ElectLeadersRequest ask;
    auto& wanted = ask.topic_partitions.append();
    wanted.topic = "p";
    wanted.partitions.push_back(index);
    auto decision = decide_elect_leaders(controller->view(), ask);
    append(decision.records);
    return decision.response.replica_election_results[0].partition_result[0].error_code;
  };
  EXPECT_EQ(elect(0), static_cast<int16_t>(ErrorCode::kPreferredLeaderNotAvailable));
  beat(1, false);
  EXPECT_EQ(elect(0), static_cast<int16_t>(ErrorCode::kPreferredLeaderNotAvailable))
      << "not in the ISR";
  EXPECT_EQ(elect(1), static_cast<int16_t>(ErrorCode::kUnknownTopicOrPartition));
}

class AlterTest : public Fixture {
 protected:
  void SetUp() override {
    for (int32_t id : {1, 2, 3}) start_broker(id);
    gen::CreateTopicsRequest request;
    auto& topic = request.topics.append();
    topic.name = "t";
    topic.num_partitions = -1;
    topic.replication_factor = -1;
    auto& assignment = topic.assignments.append();
    assignment.partition_index = 0;
    assignment.broker_ids = {1, 2, 3};
    create(request);
  }
  gen::AlterPartitionResponse::PartitionData alter(const std::vector<int32_t>& isr,
                                                   int32_t leader_epoch = 0,
                                                   int32_t partition_epoch = 0, int32_t sender = 1,
                                                   int8_t recovery = 0) {
    gen::AlterPartitionRequest request;
    request.broker_id = sender;
    request.broker_epoch = epochs[sender];
    auto& topic = request.topics.append();
    topic.topic_id = controller->image()->topic("t")->id;
    auto& data = topic.partitions.append();
    data.leader_epoch = leader_epoch;
    data.partition_epoch = partition_epoch;
    data.leader_recovery_state = recovery;
    for (const int32_t id : isr) {
      auto& state = data.new_isr_with_epochs.append();
      state.broker_id = id;
      state.broker_epoch = epochs.contains(id) ? epochs[id] : -1;
    }
    const auto decision = decide_alter_partition(controller->view(), request, 3);
    EXPECT_TRUE(decision.has_value());
    append(decision->records);
    return decision->response.topics.front().partitions.front();
  }
  static int16_t code(ErrorCode code) { return static_cast<int16_t>(code); }
};

TEST_F(AlterTest, IsrShrinksAndGrows) {
  const auto shrunk = alter({1, 2});
  EXPECT_EQ(shrunk.error_code, 0);
  EXPECT_EQ(shrunk.partition_epoch, 1);
  EXPECT_EQ(shrunk.leader_epoch, 0) << "no bump since metadata.version 12";
  EXPECT_EQ(alter({1, 2, 3}, 0, 1).partition_epoch, 2);
  EXPECT_EQ(partition("t").isr.size(), 3u);
}

TEST_F(AlterTest, ChecksComeInKafkasOrder) {
  EXPECT_EQ(alter({1}, 1).error_code, code(ErrorCode::kNotController));
  EXPECT_EQ(alter({1}, 0, 1).error_code, code(ErrorCode::kNotController));
  EXPECT_EQ(alter({2}, 0, 0, 2).error_code, code(ErrorCode::kInvalidRequest));
  EXPECT_EQ(alter({2, 3}).error_code, code(ErrorCode::kInvalidRequest));
  EXPECT_EQ(alter({}).error_code, code(ErrorCode::kInvalidRequest));
  EXPECT_EQ(alter({1, 4}).error_code, code(ErrorCode::kInvalidRequest));
  EXPECT_EQ(alter({1, 1}).error_code, code(ErrorCode::kInvalidRequest));
  EXPECT_EQ(alter({1}, 0, 0, 1, 1).error_code, code(ErrorCode::kInvalidRequest));
  EXPECT_EQ(alter({1}, 0, 0, 1, 7).error_code, code(ErrorCode::kInvalidRequest));
  EXPECT_EQ(alter({1, 2}).error_code, 0);
  EXPECT_EQ(alter({1}, 0, 0).error_code, code(ErrorCode::kInvalidUpdateVersion));
  beat(3, true);
  EXPECT_EQ(alter({1, 2, 3}, 0, 1).error_code, code(ErrorCode::kIneligibleReplica));
  beat(1, true);
  EXPECT_EQ(partition("t").leader, BrokerId{2});
  EXPECT_EQ(alter({2}, 0, 2, 2).error_code, code(ErrorCode::kFencedLeaderEpoch));
}

TEST_F(AlterTest, AnOldEpochOfAMemberIsIneligible) {
  alter({1, 2});
  epochs[3] -= 1;
  EXPECT_EQ(alter({1, 2, 3}, 0, 1).error_code, code(ErrorCode::kIneligibleReplica));
}

/// With eligible leader replicas, as a directory of Kafka's has them.
class ElrTest : public Fixture {
 protected:
  ElrTest()
      : Fixture({{"metadata.version", 30},
                 {"eligible.leader.replicas.version", 1},
                 {"transaction.version", 2}}) {}
};

TEST_F(ElrTest, TheLastReplicaGoesToTheElrAndComesBack) {
  EXPECT_EQ(controller->image()->config(ConfigResourceType::kBroker, "")->at("min.insync.replicas"),
            "1");
  start_broker(1);
  create("t");
  beat(1, false, true);
  // As the genuine log has it: isr [], leader -1, eligibleLeaderReplicas [1], lastKnownElr [1].
  EXPECT_TRUE(partition("t").isr.empty());
  EXPECT_FALSE(partition("t").has_leader());
  EXPECT_EQ(partition("t").elr, std::vector<BrokerId>{BrokerId{1}});
  EXPECT_EQ(partition("t").last_known_elr, std::vector<BrokerId>{BrokerId{1}});
  controller->shutdown_begins(BrokerId{1}, next - 1);
  EXPECT_TRUE(beat(1, false, true).should_shut_down);
  auto request = registration(1, 2);
  request.previous_broker_epoch = epochs[1];
  ASSERT_EQ(do_register(request), ErrorCode::kNone);
  EXPECT_EQ(partition("t").elr, std::vector<BrokerId>{BrokerId{1}}) << "it stopped in order";
  beat(1, false);
  EXPECT_EQ(partition("t").leader, BrokerId{1});
  EXPECT_EQ(partition("t").isr, std::vector<BrokerId>{BrokerId{1}});
  EXPECT_TRUE(partition("t").elr.empty());
  EXPECT_TRUE(partition("t").last_known_elr.empty());
  EXPECT_EQ(partition("t").recovery_state, LeaderRecoveryState::kRecovered);
}

TEST_F(ElrTest, AnUncleanRestartIsElectedAsLastKnownLeader) {
  start_broker(1);
  create("t");
  now += 9001;
  append(controller->fence_stale(now));
  ASSERT_EQ(do_register(registration(1, 2)), ErrorCode::kNone);
  EXPECT_TRUE(partition("t").elr.empty()) << "its records may be lost";
  beat(1, false);
  // As the genuine log has it: isr [1], leader 1, leaderRecoveryState 1, lastKnownElr [].
  EXPECT_EQ(partition("t").leader, BrokerId{1});
  EXPECT_EQ(partition("t").recovery_state, LeaderRecoveryState::kRecovering);
  EXPECT_TRUE(partition("t").last_known_elr.empty());
}

class DirectoryTest : public Fixture {
 protected:
  /// Broker 1 with two directories; its replicas are nowhere yet.
  void start_two() {
    gen::BrokerRegistrationRequest request = registration(1);
    request.log_dirs.push_back(second_);
    ASSERT_EQ(do_register(request), ErrorCode::kNone) << text;
    ASSERT_FALSE(beat(1, false).is_fenced);
  }
  /// The answer for one replica; the topic-wide error is negative.
  int assign(const TopicId& topic, int32_t index, const DirectoryId& directory,
             int32_t broker = 1) {
    gen::AssignReplicasToDirsRequest request;
    request.broker_id = broker;
    request.broker_epoch = epochs[broker];
    auto& asked = request.directories.append();
    asked.id = directory;
    auto& asked_topic = asked.topics.append();
    asked_topic.topic_id = topic;
    asked_topic.partitions.append().partition_index = index;
    const auto decision = decide_assign_replicas(controller->view(), request);
    if (!decision) return -static_cast<int>(decision.error().code);
    last_records = decision->records;
    append(decision->records);
    EXPECT_EQ(decision->response.directories[0].id, directory);
    EXPECT_EQ(decision->response.directories[0].topics[0].topic_id, topic);
    return decision->response.directories[0].topics[0].partitions[0].error_code;
  }
  const DirectoryId first_ = Uuid::from_halves(100, 1);
  const DirectoryId second_ = Uuid::from_halves(100, 77);
};

TEST_F(DirectoryTest, AReplicasDirectoryIsNoted) {
  start_two();
  create("t", 2);
  const TopicId id = controller->image()->topic("t")->id;
  EXPECT_EQ(partition("t").directories, std::vector{kDirectoryUnassigned});
  EXPECT_EQ(assign(id, 0, second_), 0);
  EXPECT_EQ(partition("t").directories, std::vector{second_});
  EXPECT_EQ(partition("t").leader, BrokerId{1});
  EXPECT_EQ(partition("t").leader_epoch, LeaderEpoch{0});
  EXPECT_EQ(partition("t").partition_epoch, 1);
  EXPECT_EQ(assign(id, 0, second_), 0);
  EXPECT_TRUE(last_records.empty()) << "nothing changes";
  EXPECT_EQ(partition("t", 1).directories, std::vector{kDirectoryUnassigned});
}

TEST_F(DirectoryTest, WhatMakesNoSenseIsRefused) {
  start_two();
  start_broker(2);
  create("t");
  const TopicId id = controller->image()->topic("t")->id;
  const bool is_on_one = partition("t").has_replica(BrokerId{1});
  EXPECT_EQ(assign(Uuid::from_halves(1, 2), 0, first_),
            static_cast<int>(ErrorCode::kUnknownTopicId));
  EXPECT_EQ(assign(id, 7, first_), static_cast<int>(ErrorCode::kUnknownTopicOrPartition));
  EXPECT_EQ(assign(id, 0, first_, is_on_one ? 2 : 1),
            static_cast<int>(ErrorCode::kNotLeaderOrFollower));
  epochs[2] += 1;
  EXPECT_EQ(assign(id, 0, first_, 2), -static_cast<int>(ErrorCode::kStaleBrokerEpoch));
  EXPECT_EQ(assign(id, 0, first_, 9), -static_cast<int>(ErrorCode::kBrokerIdNotRegistered));
}

TEST_F(DirectoryTest, AReplicaInADirectoryThatIsGoneLeadsNoMore) {
  start_two();
  start_broker(2);
  create("t", 1, 2);
  const TopicId id = controller->image()->topic("t")->id;
  EXPECT_EQ(assign(id, 0, Uuid::from_halves(9, 9)), 0);
  EXPECT_EQ(partition("t").leader, BrokerId{2});
  EXPECT_EQ(partition("t").isr, std::vector{BrokerId{2}});
  EXPECT_EQ(partition("t").directory_of(BrokerId{1}), Uuid::from_halves(9, 9));
}

}  // namespace
}  // namespace semel::cluster
