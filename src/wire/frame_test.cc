#include "wire/frame.h"

#include <gtest/gtest.h>

namespace semel::wire {
namespace {

TEST(Frame, SizeIsBounded) {
  const auto size_of = [](std::initializer_list<uint8_t> bytes, size_t limit) {
    return read_frame_size(std::as_bytes(std::span(bytes.begin(), bytes.size())), limit);
  };
  EXPECT_EQ(size_of({0, 0, 1, 2}, 1000).value(), 258u);
  EXPECT_EQ(size_of({0, 0, 0, 0}, 1000).value(), 0u);
  EXPECT_EQ(size_of({0, 0, 3, 0xe8}, 1000).value(), 1000u);
  EXPECT_FALSE(size_of({0, 0, 3, 0xe9}, 1000));
  EXPECT_FALSE(size_of({0xff, 0xff, 0xff, 0xff}, 1000));
}

TEST(Frame, CountsSplicedBytes) {
  bytes::Writer writer;
  writer.put_text("before");
  const FrameStart start = begin_frame(writer);
  put_response_header(writer, 7, 1);
  writer.put_splice(0, 100);
  writer.put_i8(1);
  end_frame(writer, start);
  bytes::Reader reader(writer.written());
  reader.skip(6);
  EXPECT_EQ(reader.read_i32(), 4 + 1 + 100 + 1);
}

TEST(Header, EqualsTheFormatsVectors) {
  bytes::Writer writer;
  const FrameStart start = begin_frame(writer);
  put_request_header(
      writer, {.api_key = 18, .api_version = 0, .correlation_id = 7, .client_id = "semel"}, 1);
  end_frame(writer, start);
  EXPECT_EQ(bytes::as_text(writer.written()),
            std::string_view("\0\0\0\x0f\0\x12\0\0\0\0\0\x07\0\x05semel", 19));
}

TEST(Header, RequestsOfBothVersions) {
  for (const int16_t version : {int16_t{1}, int16_t{2}}) {
    for (const auto& id :
         {std::optional<std::string_view>(), std::optional<std::string_view>("client")}) {
      bytes::Writer writer;
      put_request_header(writer,
                         {.api_key = 3, .api_version = 12, .correlation_id = -5, .client_id = id},
                         version);
      const auto prefix = peek_request(writer.written());
      ASSERT_TRUE(prefix);
      EXPECT_EQ(prefix->api_key, 3);
      EXPECT_EQ(prefix->api_version, 12);
      EXPECT_EQ(prefix->correlation_id, -5);
      bytes::Reader reader(writer.written());
      const auto header = read_request_header(reader, version);
      ASSERT_TRUE(header);
      EXPECT_EQ(header->client_id, id);
      EXPECT_EQ(reader.remaining(), 0u);
      for (size_t size = 0; size < writer.size(); ++size) {
        bytes::Reader cut(writer.written().first(size));
        EXPECT_FALSE(read_request_header(cut, version)) << size;
      }
    }
  }
  EXPECT_FALSE(peek_request({}));
}

TEST(Header, TagsAreSkippedAndChecked) {
  const std::string_view good("\0\3\0\0\0\0\0\1\xff\xff\1\5\2ab", 15);
  bytes::Reader reader(bytes::as_bytes(good));
  EXPECT_TRUE(read_request_header(reader, 2));
  EXPECT_EQ(reader.remaining(), 0u);
  const std::string_view bad("\0\3\0\0\0\0\0\1\xff\xff\2\5\0\5\0", 15);
  bytes::Reader bad_reader(bytes::as_bytes(bad));
  EXPECT_FALSE(read_request_header(bad_reader, 2));
}

TEST(Header, ResponsesOfBothVersions) {
  for (const int16_t version : {int16_t{0}, int16_t{1}}) {
    bytes::Writer writer;
    put_response_header(writer, 99, version);
    EXPECT_EQ(writer.size(), version == 0 ? 4u : 5u);
    bytes::Reader reader(writer.written());
    EXPECT_EQ(read_response_header(reader, version).value(), 99);
    bytes::Reader cut(writer.written().first(writer.size() - 1));
    EXPECT_FALSE(read_response_header(cut, version));
  }
}

}  // namespace
}  // namespace semel::wire
