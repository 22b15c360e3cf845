#include <gtest/gtest.h>

#include "wire/decoder.h"
#include "wire/encoder.h"

namespace semel::wire {
namespace {

std::string bytes_of(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text += static_cast<char>(value);
  return text;
}

std::string failure_of(const std::string& input, bool flexible, auto read) {
  bytes::Reader reader(bytes::as_bytes(input));
  Decoder decoder(reader, 0, flexible);
  if (read(decoder)) return "";
  const auto outcome = decoder.finish("M");
  return outcome ? "read returned false without a failure" : outcome.error().context;
}

TEST(Decoder, NullIsAnErrorWhereItIsNotAllowed) {
  std::string text;
  std::optional<std::string> maybe;
  bytes::Buffer content;
  EXPECT_EQ(failure_of(bytes_of({0xff, 0xff}), false, [&](Decoder& d) { return d.read(text); }),
            "M: null is not allowed here");
  EXPECT_EQ(failure_of(bytes_of({0}), true, [&](Decoder& d) { return d.read(text); }),
            "M: null is not allowed here");
  EXPECT_EQ(failure_of(bytes_of({0}), true, [&](Decoder& d) { return d.read(maybe, false); }),
            "M: null is not allowed here");
  EXPECT_EQ(failure_of(bytes_of({0}), true, [&](Decoder& d) { return d.read(maybe, true); }), "");
  EXPECT_EQ(failure_of(bytes_of({0}), true, [&](Decoder& d) { return d.read(content); }),
            "M: null is not allowed here");
}

TEST(Decoder, LengthsAreCheckedBeforeUse) {
  std::string text;
  bytes::Buffer content;
  const std::string huge = bytes_of({0xff, 0xff, 0xff, 0xff, 0x0f});
  EXPECT_EQ(failure_of(huge, true, [&](Decoder& d) { return d.read(content); }),
            "M: a length is greater than the bytes that are left");
  EXPECT_EQ(failure_of(huge, true, [&](Decoder& d) { return d.read(text); }),
            "M: a string is longer than 32767 bytes");
  EXPECT_EQ(failure_of(bytes_of({0xff, 0xff, 0xff, 0xff, 0xff, 0x01}), true,
                       [&](Decoder& d) { return d.read(text); }),
            "M: a varint is longer than five bytes");
  EXPECT_EQ(failure_of(bytes_of({0x7f, 0xff, 0xff, 0xff}), false,
                       [&](Decoder& d) { return d.read(content); }),
            "M: a length is greater than the bytes that are left");
}

TEST(Decoder, CountsAreCheckedAgainstBytesAndMemory) {
  size_t count = 0;
  const auto six_bytes_each = [&](Decoder& d) { return d.read_count(count, 6, 64); };
  EXPECT_EQ(failure_of(bytes_of({0, 0, 0, 3}) + std::string(17, 'x'), false, six_bytes_each),
            "M: a count is greater than the bytes that are left can hold");
  EXPECT_EQ(failure_of(bytes_of({0, 0, 0, 3}) + std::string(18, 'x'), false, six_bytes_each), "");
  EXPECT_EQ(count, 3u);

  const std::string many = bytes_of({0, 1, 0, 0}) + std::string(65536, 'x');
  EXPECT_EQ(failure_of(many, false, [&](Decoder& d) { return d.read_count(count, 1, 200); }),
            "M: its elements need more memory than the message may take");
  EXPECT_EQ(failure_of(many, false, [&](Decoder& d) { return d.read_count(count, 1, 20); }), "");
}

TEST(Decoder, TheTrailNamesTheField) {
  Array<int32_t> numbers;
  EXPECT_EQ(failure_of(bytes_of({3, 0, 0, 0, 1}), true,
                       [&](Decoder& d) {
                         return d.read_array(numbers) || d.lost("Numbers") || d.lost("Items", 2) ||
                                d.lost("Things");
                       }),
            "M.Things.Items[2].Numbers: a count is greater than the bytes that are left can hold");
}

TEST(Decoder, TagsAscendAndHaveTheirSize) {
  RawTags tags;
  const auto read = [&](Decoder& d) {
    tags.clear();
    return d.read_tags(tags) || d.lost("tags");
  };
  EXPECT_EQ(failure_of(bytes_of({2, 5, 1, 'a', 9, 2, 'b', 'c'}), true, read), "");
  ASSERT_EQ(tags.size(), 2u);
  EXPECT_EQ(tags.find(9)->text(), "bc");
  EXPECT_EQ(tags.find(6), nullptr);
  EXPECT_EQ(failure_of(bytes_of({2, 5, 0, 5, 0}), true, read),
            "M.tags: tags are not in ascending order");
  EXPECT_EQ(failure_of(bytes_of({2, 5, 0, 4, 0}), true, read),
            "M.tags: tags are not in ascending order");
  EXPECT_EQ(failure_of(bytes_of({1, 5, 2, 'a'}), true, read),
            "M.tags: a length is greater than the bytes that are left");
  EXPECT_EQ(failure_of(bytes_of({200, 1, 5}), true, read),
            "M.tags: there are more tagged fields than bytes");
  EXPECT_EQ(failure_of("", true, read), "M.tags: the bytes end early");
}

TEST(Decoder, ATagMustConsumeItsSize) {
  const auto read_one_byte = [](Decoder& d) {
    Decoder::TagCursor cursor;
    int8_t value = 0;
    while (d.next_tag(cursor)) {
      if (!d.read(value) || !d.end_tag(cursor)) return false;
    }
    return d.ok();
  };
  EXPECT_EQ(failure_of(bytes_of({1, 0, 1, 7}), true, read_one_byte), "");
  EXPECT_EQ(failure_of(bytes_of({1, 0, 2, 7, 7}), true, read_one_byte),
            "M: the size of a tagged field is not that of its content");
  EXPECT_EQ(failure_of(bytes_of({1, 0, 0, 7}), true, read_one_byte),
            "M: the size of a tagged field is not that of its content");
}

TEST(Encoder, RefusesWhatTheVersionCannotSay) {
  bytes::Writer writer;
  Encoder null(writer, 3, false);
  null.put(std::optional<std::string>(), false, "M.Name");
  EXPECT_EQ(null.finish().error().context, "M.Name, version 3: null is not allowed here");

  Encoder tall(writer, 3, true);
  tall.put(std::string(32768, 'x'), "M.Name");
  tall.put(std::optional<std::string>(), false, "M.Other");
  EXPECT_EQ(tall.finish().error().context,
            "M.Name, version 3: a string is longer than 32767 bytes");

  RawTags tags;
  tags.set(4, bytes::Buffer::copy_of("x"));
  Encoder tagged(writer, 3, false);
  tagged.put_tags(tags, "M.unknown_tags");
  EXPECT_EQ(tagged.finish().error().context,
            "M.unknown_tags, version 3: the version has no such field");

  Encoder longest(writer, 3, true);
  longest.put(std::string(32767, 'x'), "M.Name");
  EXPECT_TRUE(longest.finish());
}

TEST(Encoder, PutsTheSizeBeforeATaggedField) {
  for (const size_t size : {0u, 1u, 127u, 128u, 20000u}) {
    bytes::Writer writer;
    Encoder encoder(writer, 0, true);
    const size_t start = encoder.begin_tag(3);
    writer.put_text(std::string(size, 'z'));
    encoder.end_tag(start);
    bytes::Reader reader(writer.written());
    EXPECT_EQ(reader.read_uvarint(), 3u);
    EXPECT_EQ(reader.read_uvarint(), size);
    EXPECT_EQ(reader.read_text(size), std::string(size, 'z'));
    EXPECT_EQ(reader.remaining(), 0u);
  }
}

TEST(Encoder, SplicesExternalRecords) {
  for (const bool flexible : {false, true}) {
    bytes::Writer writer;
    Encoder encoder(writer, 0, flexible);
    encoder.put(Records::external(9, 1000), false, "M.Records");
    encoder.put(int8_t{1});
    ASSERT_EQ(writer.splices().size(), 1u);
    EXPECT_EQ(writer.splices()[0].position, flexible ? 2u : 4u);
    EXPECT_EQ(writer.splices()[0].id, 9u);
    EXPECT_EQ(writer.splices()[0].size, 1000u);
    EXPECT_EQ(writer.total_size(), writer.size() + 1000);
  }
}

TEST(RawTags, StayInOrder) {
  RawTags tags;
  EXPECT_TRUE(tags.empty());
  tags.set(7, bytes::Buffer::copy_of("seven"));
  tags.set(2, bytes::Buffer::copy_of("two"));
  tags.set(7, bytes::Buffer::copy_of("SEVEN"));
  ASSERT_EQ(tags.size(), 2u);
  EXPECT_EQ(tags.all()[0].tag, 2u);
  EXPECT_EQ(tags.find(7)->text(), "SEVEN");
  const RawTags copy = tags;
  EXPECT_EQ(copy, tags);
  tags.clear();
  EXPECT_FALSE(copy == tags);
  EXPECT_EQ(copy.size(), 2u);
}

TEST(Records, AreNullInlineOrExternal) {
  Records records;
  EXPECT_TRUE(records.is_null());
  records = bytes::Buffer::copy_of("batch");
  EXPECT_FALSE(records.is_null());
  EXPECT_EQ(records.size(), 5u);
  EXPECT_FALSE(records == Records());
  EXPECT_EQ(records.take().text(), "batch");
  EXPECT_TRUE(records.is_null());
  EXPECT_FALSE(Records(bytes::Buffer()) == Records());
  EXPECT_FALSE(Records::external(1, 5) == Records::external(2, 5));
}

}  // namespace
}  // namespace semel::wire
