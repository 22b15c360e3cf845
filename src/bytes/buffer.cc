#include "bytes/buffer.h"

namespace semel::bytes {
namespace {

struct VectorStorage final : BufferStorage {
  explicit VectorStorage(std::vector<std::byte> b)
      : BufferStorage([](BufferStorage* self) { delete static_cast<VectorStorage*>(self); }),
        bytes(std::move(b)) {}
  std::vector<std::byte> bytes;
};

}  // namespace

Buffer Buffer::take(std::vector<std::byte> bytes) {
  if (bytes.empty()) return {};
  auto* storage = new VectorStorage(std::move(bytes));
  return Buffer(storage, storage->bytes);
}

Buffer Buffer::copy_of(ByteSpan bytes) { return take({bytes.begin(), bytes.end()}); }

}  // namespace semel::bytes
