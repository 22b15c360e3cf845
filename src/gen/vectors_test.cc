#include <map>
#include <set>

#include <gtest/gtest.h>

#include "gen/any_message.h"
#include "gen/api_table.h"
#include "gen/golden.h"
#include "gen/header.h"

namespace semel::gen {
namespace {

std::string recode(const AnyMessage& message, int16_t version, bytes::ByteSpan body) {
  bytes::Reader reader(body);
  bytes::Writer writer;
  const auto done = message.recode(reader, version, writer);
  if (!done) return done.error().context;
  return hex(writer.written()) + (reader.remaining() == 0 ? "" : " and bytes left over");
}

TEST(Vectors, DecodeAndEncodeToTheSameBytes) {
  std::map<std::string, std::set<int16_t>> seen;
  for_each_vector([&](const Vector& vector) {
    const AnyMessage* message = find_message(vector.name);
    ASSERT_NE(message, nullptr) << vector.name;
    EXPECT_EQ(recode(*message, vector.version, vector.body), hex(vector.body))
        << vector.name << " v" << vector.version << " " << vector.scenario;
    seen[vector.name].insert(vector.version);
  });
  for (const AnyMessage& message : all_messages()) {
    const auto& versions = seen[std::string(message.name)];
    EXPECT_EQ(versions.size(), static_cast<size_t>(message.max_version - message.min_version + 1))
        << message.name;
  }
}

TEST(Vectors, PrintAsKafkaPrintsThem) {
  for_each_vector([&](const Vector& vector) {
    const AnyMessage* message = find_message(vector.name);
    ASSERT_NE(message, nullptr);
    bytes::Reader reader(bytes::ByteSpan(vector.body));
    std::string json;
    ASSERT_TRUE(message->print(reader, vector.version, json));
    EXPECT_EQ(json, vector.json) << vector.name << " v" << vector.version << " " << vector.scenario;
  });
}

TEST(Vectors, EveryTruncationFailsAndNamesTheMessage) {
  for_each_vector([&](const Vector& vector) {
    const AnyMessage& message = *find_message(vector.name);
    for (size_t size = 0; size < vector.body.size(); ++size) {
      const std::vector<std::byte> cut(vector.body.begin(),
                                       vector.body.begin() + static_cast<ptrdiff_t>(size));
      bytes::Reader reader{bytes::ByteSpan(cut)};
      bytes::Writer writer;
      const auto done = message.recode(reader, vector.version, writer);
      ASSERT_FALSE(done.has_value()) << vector.name << " v" << vector.version << " cut at " << size;
      ASSERT_TRUE(done.error().context.starts_with(vector.name)) << done.error().context;
    }
  });
}

TEST(Vectors, DamagedBytesNeverHarm) {
  for_each_vector([&](const Vector& vector) {
    const AnyMessage& message = *find_message(vector.name);
    std::vector<std::byte> damaged = vector.body;
    for (size_t at = 0; at < damaged.size(); ++at) {
      const std::byte kept = damaged[at];
      for (const std::byte value :
           {std::byte{0x00}, std::byte{0x7f}, std::byte{0x80}, std::byte{0xff}}) {
        damaged[at] = value;
        bytes::Reader reader{bytes::ByteSpan(damaged)};
        bytes::Writer writer;
        const auto done = message.recode(reader, vector.version, writer);
        EXPECT_TRUE(done.has_value() || !done.error().context.empty());
      }
      damaged[at] = kept;
    }
  });
}

TEST(Vectors, OtherVersionsAreRefused) {
  for (const AnyMessage& message : all_messages()) {
    for (const int version : {message.min_version - 1, message.max_version + 1, -1, 32767}) {
      bytes::Reader reader{bytes::ByteSpan()};
      bytes::Writer writer;
      const auto done = message.recode(reader, static_cast<int16_t>(version), writer);
      ASSERT_FALSE(done.has_value()) << message.name;
      EXPECT_EQ(done.error().code, ErrorCode::kUnsupportedVersion);
    }
  }
}

/// Header and body again as bytes.
std::string recode_frame(const CapturedFrame& frame, int16_t body_version) {
  const AnyMessage* message = find_message(frame.api + (frame.is_request ? "Request" : "Response"));
  if (message == nullptr) return "no such API";
  bytes::Reader reader(bytes::ByteSpan(frame.bytes));
  bytes::Writer writer;
  if (frame.is_request) {
    RequestHeader header;
    const int16_t version = request_header_version(message->number, frame.version);
    if (const auto r = header.decode(reader, version); !r) return r.error().context;
    if (header.request_api_key != message->number) return "the header has another key";
    if (header.request_api_version != frame.version) return "the header has another version";
    if (const auto r = header.encode(writer, version); !r) return r.error().context;
  } else {
    ResponseHeader header;
    const int16_t version = response_header_version(message->number, frame.version);
    if (const auto r = header.decode(reader, version); !r) return r.error().context;
    if (const auto r = header.encode(writer, version); !r) return r.error().context;
  }
  if (const auto r = message->recode(reader, body_version, writer); !r) return r.error().context;
  return hex(writer.written()) + (reader.remaining() == 0 ? "" : " and bytes left over");
}

TEST(CapturedFrames, DecodeAndEncodeToTheSameBytes) {
  size_t unsupported = 0;
  for_each_captured_frame([&](const CapturedFrame& frame) {
    const bool is_unsupported = frame.version == 99;
    unsupported += is_unsupported;
    if (is_unsupported && frame.is_request) {
      EXPECT_EQ(request_header_version(18, 99), 2);
      return;
    }
    EXPECT_EQ(recode_frame(frame, is_unsupported ? int16_t{0} : frame.version), hex(frame.bytes))
        << frame.file;
  });
  EXPECT_GT(unsupported, 0u);
}

}  // namespace
}  // namespace semel::gen
