// In-order batches of many producers: what check() and applied() cost per batch. Run it plainly for
// nothing but its exit code, under callgrind for instructions:
//   valgrind --tool=callgrind --toggle-collect='*run_in_order*' BINARY [PRODUCERS] [BATCHES]
#include <cstdio>
#include <cstdlib>

#include "log/producer_state.h"

namespace {

using namespace semel;

[[gnu::noinline]] int64_t run_in_order(log::ProducerState& state, int64_t producers,
                                       int32_t batches) {
  log::BatchIdentity batch;
  batch.epoch = ProducerEpoch{0};
  batch.last_offset_delta = 0;
  int64_t offset = 0;
  for (int32_t sequence = 10; sequence < 10 + batches; ++sequence) {
    batch.base_sequence = Sequence{sequence};
    for (int64_t id = 0; id < producers; ++id, ++offset) {
      batch.producer_id = ProducerId{id};
      const log::Decision decision = state.check(batch, {});
      state.applied(batch, decision, {Offset{offset}, Offset{offset}, offset}, 1'000'000 + offset);
    }
  }
  return offset;
}

}  // namespace

int main(int argc, char** argv) {
  const int64_t producers = argc > 1 ? std::atoll(argv[1]) : 10;
  const int32_t batches = argc > 2 ? std::atoi(argv[2]) : 1000;
  log::ProducerState state({});
  log::BatchIdentity batch;
  batch.epoch = ProducerEpoch{0};
  for (int32_t sequence = 0; sequence < 10; ++sequence) {
    for (int64_t id = 0; id < producers; ++id) {
      batch.producer_id = ProducerId{id};
      batch.base_sequence = Sequence{sequence};
      const log::Decision decision = state.check(batch, {});
      state.applied(batch, decision, {Offset{id}, Offset{id}, id}, 1);
    }
  }
  std::printf("%lld batches\n", static_cast<long long>(run_in_order(state, producers, batches)));
  return 0;
}
