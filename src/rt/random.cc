#include "rt/random.h"

namespace semel::rt {

// As Kafka's Uuid.randomUuid: version 4, variant 2, drawn again if reserved or if the text starts
// with
// '-' (command lines would take it for an option).
Uuid Random::uuid() {
  while (true) {
    Uuid id = Uuid::from_halves(next(), next());
    id.bytes[6] = static_cast<uint8_t>((id.bytes[6] & 0x0f) | 0x40);
    id.bytes[8] = static_cast<uint8_t>((id.bytes[8] & 0x3f) | 0x80);
    if (id.to_text().front() != '-') return id;
  }
}

}  // namespace semel::rt
