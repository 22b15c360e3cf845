#include "record/batch_view.h"

#include "bytes/crc32c.h"

namespace semel::record {

uint32_t BatchView::compute_crc() const {
  if (is_legacy()) return bytes::crc32(bytes_.subspan(kLegacyCrcAt + sizeof(uint32_t)));
  return bytes::crc32c(bytes_.subspan(SEMEL_BATCH_FIELD(attributes)));
}

}  // namespace semel::record
