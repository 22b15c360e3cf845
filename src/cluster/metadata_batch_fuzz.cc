// Any bytes as a piece of the metadata log or a snapshot: read, replayed, never trusted.
#include <cstdint>
#include <span>

#include "base/assert.h"
#include "cluster/image_delta.h"
#include "cluster/metadata_batch.h"
#include "cluster/snapshot_file.h"

namespace {

using namespace semel;           // NOLINT: a fuzz target
using namespace semel::cluster;  // NOLINT

class Replayer final : public BatchVisitor {
 public:
  Result<void> on_record(const RecordPlace&, const VersionedRecord& record) override {
    bytes::Writer writer;
    encode_record(record, writer);
    const auto again = decode_record(writer.written());
    SEMEL_ASSERT(again.has_value(), "a written record cannot be read");
    bytes::Writer rewritten;
    encode_record(*again, rewritten);
    SEMEL_ASSERT(bytes::as_text(rewritten.written()) == bytes::as_text(writer.written()),
                 "a record changes");
    return delta_.replay(record);
  }
  Result<void> on_control(const RecordPlace&, const ControlRecord&) override { return {}; }
  ImageDelta& delta() { return delta_; }

 private:
  ImageDelta delta_{std::make_shared<const MetadataImage>()};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const bytes::ByteSpan bytes = std::as_bytes(std::span(data, size));
  Replayer replayer;
  (void)read_batches(bytes, Offset{0}, replayer);
  (void)replayer.delta().finish(Offset{0}, LeaderEpoch{0});
  ImageDelta delta(std::make_shared<const MetadataImage>());
  (void)read_snapshot(bytes, [&](const VersionedRecord& record) { return delta.replay(record); });
  (void)decode_record(bytes);
  return 0;
}
