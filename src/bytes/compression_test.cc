#include <random>
#include <string>

#include <gtest/gtest.h>
#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include "bytes/compressor.h"
#include "bytes/decompressor.h"
#include "bytes/lz4_header.h"

namespace semel::bytes {
namespace {

constexpr CodecId kRealCodecs[] = {CodecId::kGzip, CodecId::kSnappy, CodecId::kLz4, CodecId::kZstd};

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  return bytes;
}

std::string hex_of(ByteSpan bytes) {
  std::string hex;
  for (const std::byte b : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    hex.push_back(kDigits[static_cast<size_t>(b) >> 4]);
    hex.push_back(kDigits[static_cast<size_t>(b) & 15]);
  }
  return hex;
}

struct Inflated {
  std::string bytes;
  std::string error;  // empty = ended well
  size_t largest_chunk = 0;
};

Inflated inflate_all(Decompressor& decompressor, CodecId codec, std::string_view input,
                     const DecompressLimits& limits = {}, bool legacy = false) {
  Inflated result;
  decompressor.start(codec, as_bytes(input), limits, legacy);
  while (true) {
    const auto chunk = decompressor.next();
    if (!chunk) {
      result.error = chunk.error().context;
      EXPECT_EQ(chunk.error().code, ErrorCode::kCorruptMessage);
      EXPECT_FALSE(decompressor.next().has_value()) << "a failure must stick";
      return result;
    }
    if (chunk->empty()) break;
    result.largest_chunk = std::max(result.largest_chunk, chunk->size());
    result.bytes.append(as_text(*chunk));
  }
  EXPECT_TRUE(decompressor.next()->empty()) << "the end must stay the end";
  return result;
}

std::string deflated(Compressor& compressor, CodecId codec, int level, std::string_view input) {
  Writer out;
  const auto done = compressor.compress(codec, level, as_bytes(input), out);
  EXPECT_TRUE(done.has_value()) << codec_name(codec) << " " << level;
  return std::string(as_text(out.written()));
}

std::string text_like(std::mt19937_64& random, size_t size) {
  std::string text;
  while (text.size() < size) {
    if (random() % 4 == 0) {
      for (int i = 0; i < 20; ++i) text.push_back(static_cast<char>(random()));
    } else {
      text.append("some words that come again ");
    }
  }
  text.resize(size);
  return text;
}

// Two records of formats documentation, in each codec's framing as Kafka's clients write it.
constexpr std::string_view kRecords = "16000000010a68656c6c6f0020000502026b0104046831027804683201";

TEST(Compression, NamesAndLevelsAreKafkas) {
  for (int i = 0; i < kCodecCount; ++i) {
    const auto codec = codec_from_number(i);
    ASSERT_TRUE(codec);
    EXPECT_EQ(codec_from_name(codec_name(*codec)), codec);
  }
  EXPECT_FALSE(codec_from_number(5));
  EXPECT_FALSE(codec_from_number(-1));
  EXPECT_FALSE(codec_from_name("producer"));
  EXPECT_TRUE(codec_level_is_valid(CodecId::kGzip, -1));
  EXPECT_FALSE(codec_level_is_valid(CodecId::kGzip, 0));
  EXPECT_FALSE(codec_level_is_valid(CodecId::kGzip, 10));
  EXPECT_FALSE(codec_level_is_valid(CodecId::kLz4, 18));
  EXPECT_TRUE(codec_level_is_valid(CodecId::kZstd, -131072));
  EXPECT_FALSE(codec_level_is_valid(CodecId::kZstd, 23));
  EXPECT_EQ(codec_levels(CodecId::kZstd).standard, 3);
}

TEST(Compression, ReadsThePublishedVectors) {
  Decompressor decompressor;
  const std::string records = from_hex(kRecords);
  const std::string lz4 = from_hex("04224d186040821d000080" + std::string(kRecords) + "00000000");
  EXPECT_EQ(inflate_all(decompressor, CodecId::kLz4, lz4).bytes, records);
  const std::string snappy =
      from_hex("82534e415050590000000001000000010000001f1d70" + std::string(kRecords));
  EXPECT_EQ(inflate_all(decompressor, CodecId::kSnappy, snappy).bytes, records);
  const std::string zstd = from_hex("28b52ffd201de90000" + std::string(kRecords));
  EXPECT_EQ(inflate_all(decompressor, CodecId::kZstd, zstd).bytes, records);
  const std::string gzip = from_hex(
      "1f8b08000000000002031363606060e4ca48cdc9c9675060606562ca666461c93064aa60c9306204004d2173b61d"
      "000000");
  EXPECT_EQ(inflate_all(decompressor, CodecId::kGzip, gzip).bytes, records);
}

TEST(Compression, WritesThePublishedVectors) {
  Compressor compressor;
  const std::string records = from_hex(kRecords);
  EXPECT_EQ(hex_of(as_bytes(deflated(compressor, CodecId::kLz4, 9, records))),
            "04224d186040821d000080" + std::string(kRecords) + "00000000");
  EXPECT_EQ(hex_of(as_bytes(deflated(compressor, CodecId::kSnappy, 0, records))),
            "82534e415050590000000001000000010000001f1d70" + std::string(kRecords));
  EXPECT_EQ(hex_of(as_bytes(deflated(compressor, CodecId::kZstd, 3, records))),
            "28b52ffd201de90000" + std::string(kRecords));
}

TEST(Compression, RoundTripsEveryCodecLevelAndSize) {
  std::mt19937_64 random(11);
  Compressor compressor;
  Decompressor decompressor;
  for (const size_t size : {0ul, 1ul, 100ul, 32767ul, 32768ul, 65536ul, 65537ul, 300000ul}) {
    const std::string text = text_like(random, size);
    for (const CodecId codec : kRealCodecs) {
      const CodecLevels levels = codec_levels(codec);
      for (const int level :
           {levels.standard, levels.lowest, levels.highest, (levels.highest + 1) / 2}) {
        const std::string packed = deflated(compressor, codec, level, text);
        const auto unpacked = inflate_all(decompressor, codec, packed);
        ASSERT_EQ(unpacked.error, "") << codec_name(codec) << " " << level << " " << size;
        ASSERT_EQ(unpacked.bytes, text) << codec_name(codec) << " " << level << " " << size;
      }
    }
  }
}

TEST(Compression, NoneIsACopy) {
  Compressor compressor;
  Decompressor decompressor;
  EXPECT_EQ(deflated(compressor, CodecId::kNone, 0, "abc"), "abc");
  EXPECT_EQ(inflate_all(decompressor, CodecId::kNone, "abc").bytes, "abc");
  EXPECT_EQ(inflate_all(decompressor, CodecId::kNone, "").bytes, "");
}

TEST(Compression, RefusesLevelsOutOfRangeAndLeavesTheOutputAlone) {
  Compressor compressor;
  Writer out;
  out.put_text("before");
  const auto refused = compressor.compress(CodecId::kZstd, 23, as_bytes("x"), out);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidConfig);
  EXPECT_EQ(as_text(out.written()), "before");
}

TEST(Compression, ReadsSeveralGzipMembersAndIgnoresWhatFollowsThem) {
  Compressor compressor;
  Decompressor decompressor;
  const std::string two = deflated(compressor, CodecId::kGzip, 6, "one ") +
                          deflated(compressor, CodecId::kGzip, 1, "two");
  EXPECT_EQ(inflate_all(decompressor, CodecId::kGzip, two).bytes, "one two");
  EXPECT_EQ(inflate_all(decompressor, CodecId::kGzip, two + "tail").bytes, "one two");
}

TEST(Compression, ReadsSeveralZstdFrames) {
  Compressor compressor;
  Decompressor decompressor;
  const std::string two = deflated(compressor, CodecId::kZstd, 3, "one ") +
                          deflated(compressor, CodecId::kZstd, 3, std::string(70000, 'z'));
  EXPECT_EQ(inflate_all(decompressor, CodecId::kZstd, two).bytes, "one " + std::string(70000, 'z'));
}

TEST(Compression, ReadsRawSnappyAndConcatenatedXerialStreams) {
  Decompressor decompressor;
  Compressor compressor;
  std::mt19937_64 random(12);
  const std::string text = text_like(random, 200000);
  std::string raw;
  ::snappy::Compress(text.data(), text.size(), &raw);
  EXPECT_EQ(inflate_all(decompressor, CodecId::kSnappy, raw).bytes, text);
  const std::string framed = deflated(compressor, CodecId::kSnappy, 0, "abc");
  EXPECT_EQ(inflate_all(decompressor, CodecId::kSnappy, framed + framed).bytes, "abcabc");
}

TEST(Compression, ReadsEveryLegalLz4Frame) {
  std::mt19937_64 random(13);
  const std::string text = text_like(random, 5'000'000);
  Decompressor decompressor;
  for (const auto block : {LZ4F_max64KB, LZ4F_max256KB, LZ4F_max1MB, LZ4F_max4MB})
    for (const auto mode : {LZ4F_blockLinked, LZ4F_blockIndependent})
      for (const bool extras : {false, true}) {
        LZ4F_preferences_t preferences = LZ4F_INIT_PREFERENCES;
        preferences.frameInfo.blockSizeID = block;
        preferences.frameInfo.blockMode = mode;
        if (extras) {
          preferences.frameInfo.contentSize = text.size();
          preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
          preferences.frameInfo.blockChecksumFlag = LZ4F_blockChecksumEnabled;
        }
        std::string packed(LZ4F_compressFrameBound(text.size(), &preferences), '\0');
        packed.resize(LZ4F_compressFrame(packed.data(), packed.size(), text.data(), text.size(),
                                         &preferences));
        const auto unpacked = inflate_all(decompressor, CodecId::kLz4, packed);
        ASSERT_EQ(unpacked.error, "");
        ASSERT_TRUE(unpacked.bytes == text);
        ASSERT_TRUE(inflate_all(decompressor, CodecId::kLz4, packed, {}, true).bytes == text);
        if (extras) {
          packed.back() = static_cast<char>(packed.back() ^ 1);
          EXPECT_NE(inflate_all(decompressor, CodecId::kLz4, packed).error, "");
        }
      }
}

TEST(Compression, TheOldLz4HeaderChecksumIsReadOnlyWhenAskedFor) {
  Compressor compressor;
  Decompressor decompressor;
  Writer out;
  ASSERT_TRUE(compressor.compress_lz4_legacy(as_bytes("hello"), out));
  const std::string legacy(as_text(out.written()));
  EXPECT_EQ(static_cast<uint8_t>(legacy[6]), 0x1a);
  EXPECT_NE(inflate_all(decompressor, CodecId::kLz4, legacy).error, "");
  EXPECT_EQ(inflate_all(decompressor, CodecId::kLz4, legacy, {}, true).bytes, "hello");
  EXPECT_EQ(xxh32_short(as_bytes("")), 0x02CC5D05u);
  EXPECT_EQ(xxh32_short(as_bytes("a")), 0x550D7456u);
}

TEST(Compression, EveryTruncationIsAnErrorOrAPrefix) {
  std::mt19937_64 random(14);
  Compressor compressor;
  Decompressor decompressor;
  const std::string text = text_like(random, 3000);
  for (const CodecId codec : kRealCodecs) {
    const std::string packed = deflated(compressor, codec, codec_levels(codec).standard, text);
    for (size_t size = 0; size < packed.size(); ++size) {
      const auto unpacked = inflate_all(decompressor, codec, packed.substr(0, size));
      EXPECT_TRUE(text.starts_with(unpacked.bytes));
      // Nothing at all, and a bare snappy header, are the two streams that may end there.
      if (unpacked.error.empty()) {
        EXPECT_TRUE(codec == CodecId::kSnappy ? size == 16 || size == 0
                                              : codec == CodecId::kZstd && size == 0)
            << codec_name(codec) << " " << size;
      }
    }
  }
}

TEST(Compression, FlippedBitsNeverCrashNorPassTheLimit) {
  std::mt19937_64 random(15);
  Compressor compressor;
  Decompressor decompressor;
  const std::string text = text_like(random, 20000);
  const DecompressLimits limits{.output_bytes_max = 100'000};
  for (const CodecId codec : kRealCodecs) {
    const std::string packed = deflated(compressor, codec, codec_levels(codec).standard, text);
    for (int round = 0; round < 2000; ++round) {
      std::string broken = packed;
      for (uint64_t flips = 1 + random() % 4; flips > 0; --flips) {
        const size_t at = random() % (random() % 2 == 0 ? 32 : broken.size());
        broken[at] = static_cast<char>(broken[at] ^ (1 << (random() % 8)));
      }
      EXPECT_LE(inflate_all(decompressor, codec, broken, limits).bytes.size(), 100'000u);
    }
    EXPECT_EQ(inflate_all(decompressor, codec, packed).bytes, text) << "the context must recover";
  }
}

TEST(Compression, BombsStopAtTheOutputLimit) {
  Compressor compressor;
  Decompressor decompressor;
  const std::string zeros(64 << 20, '\0');
  for (const CodecId codec : kRealCodecs) {
    const std::string packed = deflated(compressor, codec, codec_levels(codec).standard, zeros);
    const auto unpacked =
        inflate_all(decompressor, codec, packed, DecompressLimits{.output_bytes_max = 1 << 20});
    EXPECT_EQ(unpacked.error, std::string(codec_name(codec)) + ": the output passes its limit");
    EXPECT_LE(unpacked.bytes.size(), 1u << 20);
    EXPECT_LE(unpacked.largest_chunk, 1u << 20);
  }
}

TEST(Compression, BombsStopAtTheRatioLimit) {
  Compressor compressor;
  Decompressor decompressor;
  const std::string zeros(64 << 20, '\0');
  const std::string packed = deflated(compressor, CodecId::kZstd, 19, zeros);
  ASSERT_LT(packed.size(), zeros.size() / 10'000);
  EXPECT_NE(inflate_all(decompressor, CodecId::kZstd, packed).error, "");
  EXPECT_EQ(inflate_all(decompressor, CodecId::kZstd, packed, {.ratio_max = 1'000'000}).error, "");
  const std::string modest = deflated(compressor, CodecId::kZstd, 19, zeros.substr(0, 16 << 20));
  EXPECT_EQ(inflate_all(decompressor, CodecId::kZstd, modest).error, "");
}

TEST(Compression, SnappyLengthsThatCannotBeTrueAllocateNothing) {
  Decompressor decompressor;
  const std::string claims_4_gib = from_hex("ffffffff0f00");
  EXPECT_EQ(inflate_all(decompressor, CodecId::kSnappy, claims_4_gib).error,
            "snappy: impossible block length");
}

}  // namespace
}  // namespace semel::bytes
