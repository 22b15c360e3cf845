#include "gen/api_table.h"

#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/error_code.h"
#include "gen/any_message.h"
#include "gen/api_versions.h"
#include "gen/golden.h"

namespace semel::gen {
namespace {

bool has(const nlohmann::json& list, const char* text) {
  return std::ranges::find(list, text) != list.end();
}

TEST(ApiTable, EqualsKafkas) {
  const auto apis = nlohmann::json::parse(read_golden("apis.json"));
  size_t rows = 0;
  for (const auto& api : apis) {
    const int16_t key = api.at("key");
    const ApiInfo* row = find_api(key);
    if (!api.at("hasValidVersion").get<bool>()) {
      EXPECT_EQ(row, nullptr) << key;
      continue;
    }
    ++rows;
    ASSERT_NE(row, nullptr) << key;
    EXPECT_EQ(row->name, api.at("name").get<std::string>());
    EXPECT_EQ(api_name(key), row->name);
    EXPECT_EQ(row->min_version, api.at("minVersion").get<int>());
    EXPECT_EQ(row->max_version, api.at("maxVersion").get<int>());
    EXPECT_EQ(row->max_codec_version, api.at("maxVersionWithUnstable").get<int>());
    EXPECT_EQ(row->on_broker, has(api.at("listeners"), "broker")) << row->name;
    EXPECT_EQ(row->on_controller, has(api.at("listeners"), "controller")) << row->name;
    EXPECT_EQ(row->forwardable, api.at("forwardable").get<bool>()) << row->name;
    EXPECT_EQ(row->cluster_action, api.at("clusterAction").get<bool>()) << row->name;
    int16_t version = row->min_version;
    for (const int expected : api.at("requestHeaderVersions"))
      EXPECT_EQ(request_header_version(key, version++), expected) << row->name << version;
    version = row->min_version;
    for (const int expected : api.at("responseHeaderVersions"))
      EXPECT_EQ(response_header_version(key, version++), expected) << row->name << version;
  }
  EXPECT_EQ(all_apis().size(), rows);
}

TEST(ApiTable, EveryApiHasItsMessages) {
  for (const ApiInfo& api : all_apis()) {
    for (const MessageKind kind : {MessageKind::kRequest, MessageKind::kResponse}) {
      const AnyMessage* message = find_message(kind, static_cast<int16_t>(api.key));
      ASSERT_NE(message, nullptr) << api.name;
      EXPECT_TRUE(message->name.starts_with(api.name));
      EXPECT_EQ(message->min_version, api.min_version);
      EXPECT_EQ(message->max_version, api.max_codec_version);
    }
  }
}

TEST(ApiTable, ListsWhatARunningKafkaLists) {
  size_t brokers = 0;
  size_t controllers = 0;
  for_each_captured_frame([&](const CapturedFrame& frame) {
    if (frame.api != "ApiVersions" || frame.is_request || frame.version > 4) return;
    bytes::Reader reader(bytes::ByteSpan(frame.bytes));
    reader.skip(sizeof(int32_t));
    ApiVersionsResponse response;
    ASSERT_TRUE(response.decode(reader, frame.version)) << frame.file;
    if (response.error_code != 0) return;
    const bool is_broker = response.api_keys.front().api_key == 0;
    ++(is_broker ? brokers : controllers);
    std::vector<std::string> theirs;
    for (const auto& row : response.api_keys)
      theirs.push_back(
          fmt::format("{} {}-{}", api_name(row.api_key), row.min_version, row.max_version));
    std::vector<std::string> ours;
    for (const auto& row :
         listed_apis(is_broker ? ListenerKind::kBroker : ListenerKind::kController))
      ours.push_back(
          fmt::format("{} {}-{}", api_name(row.api_key), row.min_version, row.max_version));
    EXPECT_EQ(ours, theirs) << frame.file;
  });
  EXPECT_GT(brokers, 0u);
  EXPECT_GT(controllers, 0u);
}

TEST(ApiTable, ServesOnlyTheRange) {
  EXPECT_FALSE(is_served(ListenerKind::kBroker, 0, 2));
  EXPECT_TRUE(is_served(ListenerKind::kBroker, 0, 3));
  EXPECT_TRUE(is_served(ListenerKind::kBroker, 0, 13));
  EXPECT_FALSE(is_served(ListenerKind::kBroker, 0, 14));
  EXPECT_FALSE(is_served(ListenerKind::kController, 0, 3));
  EXPECT_FALSE(is_served(ListenerKind::kBroker, 52, 0));
  EXPECT_TRUE(is_served(ListenerKind::kController, 52, 0));
  EXPECT_TRUE(is_served(ListenerKind::kBroker, 22, 5));
  EXPECT_FALSE(is_served(ListenerKind::kBroker, 22, 6));
  for (const int16_t key : {int16_t{-1}, int16_t{4}, int16_t{7}, int16_t{93}, int16_t{32767}}) {
    EXPECT_EQ(find_api(key), nullptr) << key;
    EXPECT_EQ(request_header_version(key, 0), -1);
    EXPECT_EQ(response_header_version(key, 0), -1);
    EXPECT_EQ(api_name(key), "Unknown");
  }
}

TEST(ErrorCodes, EqualKafkas) {
  const auto errors = nlohmann::json::parse(read_golden("errors.json"));
  for (const auto& error : errors) {
    const auto code = static_cast<ErrorCode>(error.at("code").get<int16_t>());
    EXPECT_EQ(error_name(code), error.at("name").get<std::string>());
    EXPECT_EQ(error_is_retriable(code), error.at("retriable").get<bool>()) << error_name(code);
  }
  EXPECT_GT(errors.size(), 130u);
}

TEST(RecordTypes, EqualKafkas) {
  const auto topics = nlohmann::json::parse(read_golden("record-types.json"));
  const std::pair<const char*, std::vector<MessageKind>> kinds[] = {
      {"__cluster_metadata", {MessageKind::kMetadataRecord}},
      {"__consumer_offsets", {MessageKind::kGroupValue, MessageKind::kGroupKey}},
      {"__transaction_state", {MessageKind::kTransactionValue, MessageKind::kTransactionKey}},
      {"__share_group_state", {MessageKind::kShareValue, MessageKind::kShareKey}}};
  for (const auto& [topic, of_topic] : kinds) {
    size_t count = 0;
    for (const auto& type : topics.at(topic)) {
      const AnyMessage* message = find_message(of_topic.front(), type.at("id").get<int16_t>());
      ASSERT_NE(message, nullptr) << topic << type.at("id");
      ++count;
      EXPECT_NE(find_message(of_topic.back(), message->number), nullptr) << message->name;
      EXPECT_EQ(message->min_version, type.at("minVersion").get<int>()) << message->name;
      EXPECT_EQ(message->max_version, type.at("maxVersion").get<int>()) << message->name;
    }
    const auto is_of_topic = [&](const AnyMessage& m) { return m.kind == of_topic.front(); };
    EXPECT_EQ(std::ranges::count_if(all_messages(), is_of_topic), static_cast<ptrdiff_t>(count))
        << topic;
  }
}

}  // namespace
}  // namespace semel::gen
