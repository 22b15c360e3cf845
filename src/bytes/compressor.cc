#include "bytes/compressor.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <lz4.h>
#include <lz4hc.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include "bytes/lz4_header.h"
#include "bytes/snappy_framing.h"

namespace semel::bytes {
namespace {

const char* chars(ByteSpan bytes) { return reinterpret_cast<const char*>(bytes.data()); }

void put_le32(Writer& out, uint32_t value) { out.put_u32(std::byteswap(value)); }

std::unexpected<Error> library_failure(std::string_view library, std::string_view why) {
  return fail(ErrorCode::kUnknownServerError, fmt::format("{} cannot compress: {}", library, why));
}

}  // namespace

struct Compressor::State {
  z_stream deflater{};
  std::optional<int> deflater_level;
  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> zstd{nullptr, ZSTD_freeCCtx};
  std::vector<char> lz4_fast;
  std::vector<char> lz4_high;

  ~State() {
    if (deflater_level) deflateEnd(&deflater);
  }

  Result<void> gzip(int level, ByteSpan input, Writer& out);
  Result<void> snappy(ByteSpan input, Writer& out);
  Result<void> lz4(int level, ByteSpan input, Writer& out, bool legacy);
  Result<void> zstandard(int level, ByteSpan input, Writer& out);
  int lz4_block(int level, ByteSpan block, MutableByteSpan to);
  Result<void> prepare_deflater(int level);
};

Result<void> Compressor::State::prepare_deflater(int level) {
  constexpr int kGzipWindow = 15 + 16;
  if (!deflater_level) {
    if (deflateInit2(&deflater, level, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK)
      return library_failure("zlib", "no context");
    deflater_level = level;
    return {};
  }
  if (deflateReset(&deflater) != Z_OK) return library_failure("zlib", "no context");
  if (*deflater_level != level) {
    if (deflateParams(&deflater, level, Z_DEFAULT_STRATEGY) != Z_OK)
      return library_failure("zlib", "level refused");
    deflater_level = level;
  }
  return {};
}

Result<void> Compressor::State::gzip(int level, ByteSpan input, Writer& out) {
  SEMEL_CHECK(prepare_deflater(level));
  const uLong bound = deflateBound(&deflater, input.size());
  const MutableByteSpan to = out.extend(bound);
  deflater.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(input.data()));
  deflater.avail_in = static_cast<uInt>(input.size());
  deflater.next_out = reinterpret_cast<Bytef*>(to.data());
  deflater.avail_out = static_cast<uInt>(to.size());
  if (deflate(&deflater, Z_FINISH) != Z_STREAM_END) return library_failure("zlib", "no end");
  out.truncate(out.size() - deflater.avail_out);
  return {};
}

Result<void> Compressor::State::snappy(ByteSpan input, Writer& out) {
  out.put_bytes(std::as_bytes(std::span(kXerialMagic)));
  out.put_i32(kXerialVersion);
  out.put_i32(kXerialVersion);
  for (size_t at = 0; at < input.size(); at += kXerialBlockSize) {
    const ByteSpan block = input.subspan(at, std::min(kXerialBlockSize, input.size() - at));
    const size_t length_at = out.size();
    out.put_i32(0);
    const MutableByteSpan to = out.extend(::snappy::MaxCompressedLength(block.size()));
    size_t length = 0;
    ::snappy::RawCompress(chars(block), block.size(), reinterpret_cast<char*>(to.data()), &length);
    out.truncate(length_at + sizeof(int32_t) + length);
    out.patch_be(length_at, static_cast<int32_t>(length));
  }
  return {};
}

int Compressor::State::lz4_block(int level, ByteSpan block, MutableByteSpan to) {
  const int size = static_cast<int>(block.size());
  char* target = reinterpret_cast<char*>(to.data());
  // As Kafka's client: the fast compressor at the standard level, the high compressor at any other.
  if (level == codec_levels(CodecId::kLz4).standard) {
    lz4_fast.resize(static_cast<size_t>(LZ4_sizeofState()));
    return LZ4_compress_fast_extState(lz4_fast.data(), chars(block), target, size,
                                      static_cast<int>(to.size()), 1);
  }
  lz4_high.resize(static_cast<size_t>(LZ4_sizeofStateHC()));
  return LZ4_compress_HC_extStateHC(lz4_high.data(), chars(block), target, size,
                                    static_cast<int>(to.size()), level);
}

Result<void> Compressor::State::lz4(int level, ByteSpan input, Writer& out, bool legacy) {
  const size_t header_at = out.size();
  out.put_bytes(std::as_bytes(std::span(kLz4Magic)));
  out.put_i8(kLz4Flags);
  out.put_i8(kLz4BlockDescriptor);
  const size_t hashed_from = legacy ? header_at : header_at + sizeof kLz4Magic;
  const uint8_t checksum = lz4_header_checksum(out.written().subspan(hashed_from));
  out.put_i8(static_cast<int8_t>(checksum));
  for (size_t at = 0; at < input.size(); at += kLz4BlockSize) {
    const ByteSpan block = input.subspan(at, std::min(kLz4BlockSize, input.size() - at));
    const size_t length_at = out.size();
    put_le32(out, 0);
    const MutableByteSpan to =
        out.extend(static_cast<size_t>(LZ4_compressBound(static_cast<int>(block.size()))));
    const int length = lz4_block(level, block, to);
    if (length <= 0) return library_failure("lz4", "no room");
    const bool shrinks = static_cast<size_t>(length) < block.size();
    const uint32_t word = shrinks ? static_cast<uint32_t>(length)
                                  : static_cast<uint32_t>(block.size()) | kLz4StoredBit;
    out.patch_be(length_at, std::byteswap(word));
    out.truncate(length_at + sizeof word + (shrinks ? static_cast<size_t>(length) : 0));
    if (!shrinks) out.put_bytes(block);
  }
  put_le32(out, 0);
  return {};
}

Result<void> Compressor::State::zstandard(int level, ByteSpan input, Writer& out) {
  if (zstd == nullptr) zstd.reset(ZSTD_createCCtx());
  if (zstd == nullptr) return library_failure("zstd", "no context");
  const size_t refused = ZSTD_CCtx_setParameter(zstd.get(), ZSTD_c_compressionLevel, level);
  if (ZSTD_isError(refused) != 0) return library_failure("zstd", ZSTD_getErrorName(refused));
  const MutableByteSpan to = out.extend(ZSTD_compressBound(input.size()));
  const size_t length =
      ZSTD_compress2(zstd.get(), to.data(), to.size(), input.data(), input.size());
  if (ZSTD_isError(length) != 0) return library_failure("zstd", ZSTD_getErrorName(length));
  out.truncate(out.size() - to.size() + length);
  return {};
}

Compressor::Compressor() : state_(std::make_unique<State>()) {}
Compressor::~Compressor() = default;
Compressor::Compressor(Compressor&&) noexcept = default;
Compressor& Compressor::operator=(Compressor&&) noexcept = default;

Result<void> Compressor::compress(CodecId codec, int level, ByteSpan input, Writer& out) {
  if (input.size() > std::numeric_limits<int32_t>::max())
    return fail(ErrorCode::kMessageTooLarge, "more than 2 GiB to compress");
  if (!codec_level_is_valid(codec, level))
    return fail(ErrorCode::kInvalidConfig,
                fmt::format("{} has no level {}", codec_name(codec), level));
  const size_t before = out.size();
  Result<void> result;
  switch (codec) {
    case CodecId::kNone:
      out.put_bytes(input);
      break;
    case CodecId::kGzip:
      result = state_->gzip(level, input, out);
      break;
    case CodecId::kSnappy:
      result = state_->snappy(input, out);
      break;
    case CodecId::kLz4:
      result = state_->lz4(level, input, out, false);
      break;
    case CodecId::kZstd:
      result = state_->zstandard(level, input, out);
      break;
  }
  if (!result) out.truncate(before);
  return result;
}

Result<void> Compressor::compress_lz4_legacy(ByteSpan input, Writer& out) {
  const size_t before = out.size();
  auto result = state_->lz4(codec_levels(CodecId::kLz4).standard, input, out, true);
  if (!result) out.truncate(before);
  return result;
}

}  // namespace semel::bytes
