#include "rt/sim/trace.h"

#include <cstring>

namespace semel::rt::sim {

void Trace::add_bytes(bytes::ByteSpan bytes) {
  hash_ = mix(hash_, bytes.size());
  while (bytes.size() >= 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data(), 8);
    hash_ = mix(hash_, word);
    bytes = bytes.subspan(8);
  }
  uint64_t rest = 0;
  if (!bytes.empty()) std::memcpy(&rest, bytes.data(), bytes.size());
  hash_ = mix(hash_, rest);
}

void Trace::note(std::string_view line) {
  add(Kind::kNote, line.size());
  add_bytes(bytes::as_bytes(line));
  if (printer_) printer_(line);
}

}  // namespace semel::rt::sim
