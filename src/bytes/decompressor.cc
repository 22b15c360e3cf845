#include "bytes/decompressor.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <optional>

#include <fmt/format.h>
#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include "bytes/endian.h"
#include "bytes/lz4_header.h"
#include "bytes/snappy_framing.h"

namespace semel::bytes {
namespace {

constexpr size_t kWindowSize = 64 * 1024;
/// A window that grew beyond this is given back when the next stream starts.
constexpr size_t kWindowKept = 1024 * 1024;

std::unexpected<Error> corrupt(CodecId codec, std::string_view why) {
  return fail(ErrorCode::kCorruptMessage, fmt::format("{}: {}", codec_name(codec), why));
}

const char* chars(ByteSpan bytes) { return reinterpret_cast<const char*>(bytes.data()); }

bool starts_with(ByteSpan bytes, std::span<const uint8_t> magic) {
  return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

}  // namespace

struct Decompressor::State {
  enum class Stage : uint8_t { kRunning, kEnded, kFailed };

  CodecId codec = CodecId::kNone;
  Stage stage = Stage::kEnded;
  bool framed = false;         // snappy: the xerial framing was seen
  bool frame_is_open = false;  // gzip, zstd: inside a member or frame
  ByteSpan input;              // not consumed yet
  ByteSpan prefix;             // lz4: comes before `input`
  std::array<std::byte, kLz4HeaderSizeMax> mended_header{};
  uint64_t input_size = 0;
  uint64_t produced = 0;
  DecompressLimits limits;
  Error failure;

  std::unique_ptr<std::byte[]> window;
  size_t window_size = 0;
  z_stream inflater{};
  bool has_inflater = false;
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> zstd{nullptr, ZSTD_freeDCtx};
  std::unique_ptr<LZ4F_dctx, decltype(&LZ4F_freeDecompressionContext)> lz4{
      nullptr, LZ4F_freeDecompressionContext};

  ~State() {
    if (has_inflater) inflateEnd(&inflater);
  }

  void need_window(size_t size) {
    if (window_size >= size) return;
    window = std::make_unique_for_overwrite<std::byte[]>(size);
    window_size = size;
  }
  ByteSpan output(size_t size) const { return {window.get(), size}; }
  bool is_bomb(uint64_t output_size) const {
    return output_size > limits.output_bytes_max ||
           (output_size > limits.free_bytes && output_size / limits.ratio_max > input_size);
  }

  Result<void> prepare(bool lz4_legacy);
  Result<void> mend_lz4_header();
  Result<ByteSpan> step();
  Result<ByteSpan> step_gzip();
  Result<ByteSpan> step_snappy();
  Result<ByteSpan> step_lz4();
  Result<ByteSpan> step_zstd();
  Result<ByteSpan> snappy_block(ByteSpan block);
};

Result<void> Decompressor::State::prepare(bool lz4_legacy) {
  if (window_size > kWindowKept) {
    window.reset();
    window_size = 0;
  }
  need_window(kWindowSize);
  switch (codec) {
    case CodecId::kNone:
      break;
    case CodecId::kGzip:
      if (!has_inflater) {
        if (inflateInit2(&inflater, 15 + 16) != Z_OK) return corrupt(codec, "no context");
        has_inflater = true;
      }
      inflateReset(&inflater);
      break;
    case CodecId::kSnappy:
      framed = starts_with(input, kXerialMagic);
      break;
    case CodecId::kLz4: {
      if (lz4 == nullptr) {
        LZ4F_dctx* context = nullptr;
        if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)) != 0)
          return corrupt(codec, "no context");
        lz4.reset(context);
      }
      LZ4F_resetDecompressionContext(lz4.get());
      if (lz4_legacy) return mend_lz4_header();
      break;
    }
    case CodecId::kZstd: {
      if (zstd == nullptr) zstd.reset(ZSTD_createDCtx());
      if (zstd == nullptr) return corrupt(codec, "no context");
      ZSTD_DCtx_reset(zstd.get(), ZSTD_reset_session_only);
      // A window that holds the whole frame lets zstd write into it directly.
      const auto size = ZSTD_getFrameContentSize(input.data(), input.size());
      if (size != ZSTD_CONTENTSIZE_UNKNOWN && size != ZSTD_CONTENTSIZE_ERROR && size <= kWindowKept)
        need_window(size);
      break;
    }
  }
  return {};
}

Result<void> Decompressor::State::mend_lz4_header() {
  if (!starts_with(input, kLz4Magic) || input.size() < kLz4HeaderSizeMin)
    return corrupt(codec, "no frame header");
  const size_t size = lz4_header_size(static_cast<uint8_t>(input[sizeof kLz4Magic]));
  if (input.size() < size) return corrupt(codec, "the frame header ends early");
  std::memcpy(mended_header.data(), input.data(), size);
  const MutableByteSpan header(mended_header.data(), size);
  header.back() = static_cast<std::byte>(
      lz4_header_checksum(header.subspan(sizeof kLz4Magic, size - sizeof kLz4Magic - 1)));
  prefix = header;
  input = input.subspan(size);
  return {};
}

Result<ByteSpan> Decompressor::State::step() {
  switch (codec) {
    case CodecId::kNone:
      return std::exchange(input, {});
    case CodecId::kGzip:
      return step_gzip();
    case CodecId::kSnappy:
      return step_snappy();
    case CodecId::kLz4:
      return step_lz4();
    case CodecId::kZstd:
      return step_zstd();
  }
  std::unreachable();
}

Result<ByteSpan> Decompressor::State::step_gzip() {
  constexpr uint8_t kGzipMagic[2] = {0x1f, 0x8b};
  inflater.next_out = reinterpret_cast<Bytef*>(window.get());
  inflater.avail_out = static_cast<uInt>(window_size);
  while (inflater.avail_out == window_size) {
    if (!frame_is_open) {
      const bool is_first = produced == 0 && input.size() == input_size;
      if (!is_first && !starts_with(input, kGzipMagic)) return ByteSpan{};
      inflateReset(&inflater);
      frame_is_open = true;
    }
    const size_t piece = std::min<size_t>(input.size(), std::numeric_limits<uInt>::max());
    inflater.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(input.data()));
    inflater.avail_in = static_cast<uInt>(piece);
    const int result = inflate(&inflater, Z_NO_FLUSH);
    input = input.subspan(piece - inflater.avail_in);
    if (result == Z_STREAM_END)
      frame_is_open = false;
    else if (result == Z_BUF_ERROR)
      return corrupt(codec, "the stream ends early");
    else if (result != Z_OK)
      return corrupt(codec, inflater.msg != nullptr ? inflater.msg : "bad stream");
  }
  return output(window_size - inflater.avail_out);
}

Result<ByteSpan> Decompressor::State::step_snappy() {
  if (!framed) return input.empty() ? ByteSpan{} : snappy_block(std::exchange(input, {}));
  while (!input.empty()) {
    if (starts_with(input, kXerialMagic)) {
      if (input.size() < kXerialHeaderSize) return corrupt(codec, "the header ends early");
      if (load_be<int32_t>(input.data() + sizeof kXerialMagic) < kXerialVersion)
        return corrupt(codec, "unknown framing version");
      input = input.subspan(kXerialHeaderSize);
      continue;
    }
    if (input.size() < sizeof(int32_t)) return corrupt(codec, "a block length ends early");
    const auto length = load_be<int32_t>(input.data());
    input = input.subspan(sizeof length);
    if (length <= 0 || static_cast<size_t>(length) > input.size())
      return corrupt(codec, "a block length is greater than the bytes that are left");
    const ByteSpan block = input.first(static_cast<size_t>(length));
    input = input.subspan(block.size());
    auto chunk = snappy_block(block);
    if (!chunk || !chunk->empty()) return chunk;
  }
  return ByteSpan{};
}

Result<ByteSpan> Decompressor::State::snappy_block(ByteSpan block) {
  // A copy element turns 3 bytes into at most 64: more than 22 times cannot be true.
  constexpr size_t kHighestRatio = 22;
  size_t size = 0;
  if (!::snappy::GetUncompressedLength(chars(block), block.size(), &size) ||
      size / kHighestRatio > block.size())
    return corrupt(codec, "impossible block length");
  if (is_bomb(produced + size)) return corrupt(codec, "the output passes its limit");
  need_window(size);
  if (!::snappy::RawUncompress(chars(block), block.size(), reinterpret_cast<char*>(window.get())))
    return corrupt(codec, "bad block");
  return output(size);
}

Result<ByteSpan> Decompressor::State::step_lz4() {
  while (true) {
    ByteSpan& from = prefix.empty() ? input : prefix;
    size_t written = window_size;
    size_t consumed = from.size();
    const size_t result =
        LZ4F_decompress(lz4.get(), window.get(), &written, from.data(), &consumed, nullptr);
    if (LZ4F_isError(result) != 0) return corrupt(codec, LZ4F_getErrorName(result));
    from = from.subspan(consumed);
    // Bytes behind the end mark are ignored, as Kafka's reader does.
    if (result == 0) {
      input = {};
      stage = Stage::kEnded;
      return output(written);
    }
    if (written != 0) return output(written);
    if (consumed == 0) return corrupt(codec, "the frame ends early");
  }
}

Result<ByteSpan> Decompressor::State::step_zstd() {
  while (frame_is_open || !input.empty()) {
    ZSTD_inBuffer from{input.data(), input.size(), 0};
    ZSTD_outBuffer to{window.get(), window_size, 0};
    const size_t result = ZSTD_decompressStream(zstd.get(), &to, &from);
    if (ZSTD_isError(result) != 0) return corrupt(codec, ZSTD_getErrorName(result));
    input = input.subspan(from.pos);
    frame_is_open = result != 0;
    if (to.pos != 0) return output(to.pos);
    if (frame_is_open && from.pos == 0) return corrupt(codec, "the frame ends early");
  }
  return ByteSpan{};
}

Decompressor::Decompressor() : state_(std::make_unique<State>()) {}
Decompressor::~Decompressor() = default;
Decompressor::Decompressor(Decompressor&&) noexcept = default;
Decompressor& Decompressor::operator=(Decompressor&&) noexcept = default;

void Decompressor::start(CodecId codec, ByteSpan input, const DecompressLimits& limits,
                         bool lz4_legacy) {
  SEMEL_ASSERT(limits.ratio_max > 0);
  State& s = *state_;
  s.codec = codec;
  s.input = input;
  s.prefix = {};
  s.input_size = input.size();
  s.produced = 0;
  s.limits = limits;
  s.frame_is_open = false;
  s.stage = State::Stage::kRunning;
  if (auto ready = s.prepare(lz4_legacy); !ready) {
    s.failure = std::move(ready.error());
    s.stage = State::Stage::kFailed;
  }
}

Result<ByteSpan> Decompressor::next() {
  State& s = *state_;
  if (s.stage == State::Stage::kFailed) return fail(s.failure);
  if (s.stage == State::Stage::kEnded) return ByteSpan{};
  auto chunk = s.step();
  if (chunk) {
    s.produced += chunk->size();
    if (s.codec != CodecId::kNone && s.is_bomb(s.produced))
      chunk = corrupt(s.codec, "the output passes its limit");
    else if (chunk->empty())
      s.stage = State::Stage::kEnded;
  }
  if (!chunk) {
    s.failure = chunk.error();
    s.stage = State::Stage::kFailed;
  }
  return chunk;
}

}  // namespace semel::bytes
