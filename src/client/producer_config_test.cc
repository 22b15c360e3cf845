#include "client/producer_config.h"

#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace semel::client {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator)
      parts.emplace_back();
    else
      parts.back().push_back(c);
  }
  return parts;
}

std::vector<ClientSetting> parse_settings(const std::string& text) {
  std::vector<ClientSetting> settings{
      {"bootstrap.servers", "localhost:1"}, {"key.serializer", "x"}, {"value.serializer", "x"}};
  if (text.empty()) return settings;
  for (const std::string& pair : split(text, ';')) {
    const size_t equals = pair.find('=');
    const std::string key = pair.substr(0, equals);
    std::erase_if(settings, [&](const ClientSetting& s) { return s.key == key; });
    if (pair.substr(equals + 1) != "<unset>") settings.push_back({key, pair.substr(equals + 1)});
  }
  return settings;
}

std::string describe(const std::expected<ProducerConfig, ConfigRefusal>& config) {
  if (!config) {
    const ConfigRefusal& refusal = config.error();
    return fmt::format(
        "refused{} | {}: {}",
        refusal.is_from_constructor ? " | KafkaException: Failed to construct kafka producer" : "",
        refusal.kind, refusal.text);
  }
  return fmt::format("ok acks={} idempotence={} retries={} in_flight={} linger={} delivery={}",
                     config->acks, config->is_idempotent, config->retries, config->in_flight_max,
                     config->linger.count(), config->delivery_timeout.count());
}

TEST(ProducerConfig, AgreesWithKafkasProducersOnEveryRowOfTheTable) {
  std::ifstream table(std::string(SEMEL_SOURCE_DIR) + "/src/client/testdata/producer_config.tsv");
  int rows = 0;
  for (std::string line; std::getline(table, line);) {
    if (line.starts_with('#')) continue;
    const auto columns = split(line, '\t');
    ASSERT_EQ(columns.size(), 3u) << line;
    for (const std::string& name : split(columns[0], ',')) {
      const KafkaVersion version = name == "2.6.0"   ? KafkaVersion::k26
                                   : name == "3.9.1" ? KafkaVersion::k39
                                                     : KafkaVersion::k43;
      EXPECT_EQ(describe(ProducerConfig::from(parse_settings(columns[1]), version)), columns[2])
          << "Kafka " << name << " with " << columns[1];
      ++rows;
    }
  }
  EXPECT_EQ(rows, 3 * 336);
}

std::expected<ProducerConfig, ConfigRefusal> with(const std::string& text) {
  return ProducerConfig::from(parse_settings(text));
}

TEST(ProducerConfig, DefaultsAreKafkas) {
  const auto config = with("");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->batch_size, 16'384u);
  EXPECT_EQ(config->buffer_memory, 32u << 20);
  EXPECT_EQ(config->max_request_size, 1u << 20);
  EXPECT_EQ(config->max_block, Milliseconds{60'000});
  EXPECT_EQ(config->connection.retry_backoff, Milliseconds{100});
  EXPECT_EQ(config->connection.retry_backoff_max, Milliseconds{1'000});
  EXPECT_EQ(config->connection.bootstrap, (std::vector<rt::Address>{{"localhost", 1}}));
  EXPECT_EQ(config->codec, bytes::CodecId::kNone);
  EXPECT_EQ(config->codec_level, std::nullopt);
  EXPECT_THAT(config->warnings, IsEmpty());
}

TEST(ProducerConfig, TakesLibrdkafkasNames) {
  const auto config = with(
      "metadata.broker.list=h:2,[::1]:3;request.required.acks=1;queue.buffering.max.ms=7;"
      "compression.codec=lz4;"
      "message.send.max.retries=4;max.in.flight=9;message.timeout.ms=40000;queue.buffering.max."
      "kbytes=5;"
      "message.max.bytes=2000;enable.idempotence=false;socket.timeout.ms=9000");
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(config->connection.bootstrap, (std::vector<rt::Address>{{"h", 2}, {"::1", 3}}));
  EXPECT_EQ(config->acks, 1);
  EXPECT_EQ(config->linger, Milliseconds{7});
  EXPECT_EQ(config->codec, bytes::CodecId::kLz4);
  EXPECT_EQ(config->retries, 4);
  EXPECT_EQ(config->in_flight_max, 9);
  EXPECT_EQ(config->delivery_timeout, Milliseconds{40'000});
  EXPECT_EQ(config->buffer_memory, 5'120u);
  EXPECT_EQ(config->max_request_size, 2'000u);
  EXPECT_EQ(config->connection.request_timeout, Milliseconds{9'000});
}

TEST(ProducerConfig, AnUnknownKeyIsAWarningWithTheNearestName) {
  const auto config = with("lingr.ms=4");
  ASSERT_TRUE(config);
  EXPECT_THAT(config->warnings, Contains(HasSubstr("did you mean linger.ms?")));
  const auto old =
      ProducerConfig::from(parse_settings("compression.zstd.level=4"), KafkaVersion::k26);
  ASSERT_TRUE(old);
  EXPECT_THAT(old->warnings, Contains(HasSubstr("compression.zstd.level is not known")));
}

TEST(ProducerConfig, SwitchingIdempotenceOffIsToldOnce) {
  const auto config = with("acks=1");
  ASSERT_TRUE(config);
  ASSERT_EQ(config->warnings.size(), 1u);
  EXPECT_THAT(config->warnings.front(), HasSubstr("idempotence is off because acks is 1"));
}

TEST(ProducerConfig, WhatWouldProtectTheConnectionIsRefusedRatherThanIgnored) {
  const auto config = with("security.protocol=ssl");
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().text, HasSubstr("PLAINTEXT only"));
}

TEST(ProducerConfig, LevelsBelongToTheirCodec) {
  const auto config =
      with("compression.type=zstd;compression.zstd.level=7;compression.gzip.level=2");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->codec_level, 7);
}

TEST(ProducerConfig, PartitionersOfJava) {
  const auto config =
      with("partitioner.class=org.apache.kafka.clients.producer.RoundRobinPartitioner");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->partitioner, Partitioner::kRoundRobin);
  EXPECT_TRUE(with("partitioner.ignore.keys=true")->ignores_keys);
}

}  // namespace
}  // namespace semel::client
