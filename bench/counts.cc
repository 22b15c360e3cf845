// What the hot paths cost in numbers that do not depend on the machine's load: instructions per
// operation (under callgrind; each case is one dump, named "case:NAME operations:N") and heap bytes
// per producer. Run by counts.py, which holds the results to limits.txt.
//
// An instruction count contains the loop, the call and its arguments: what a caller pays.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include <malloc.h>
#include <valgrind/callgrind.h>

#include "bench/memory_disk.h"
#include "bench/workload.h"
#include "gen/fetch.h"
#include "log/offset_index.h"
#include "log/producer_snapshot.h"
#include "record/batch_validator.h"

namespace {
size_t heap_bytes = 0;
}

void* operator new(size_t size) {
  void* memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  heap_bytes += malloc_usable_size(memory) + sizeof(size_t);
  return memory;
}
void* operator new(size_t size, std::align_val_t alignment) {
  void* memory = std::aligned_alloc(static_cast<size_t>(alignment), size);
  if (memory == nullptr) std::abort();
  heap_bytes += malloc_usable_size(memory) + sizeof(size_t);
  return memory;
}
void operator delete(void* memory) noexcept {
  if (memory != nullptr) heap_bytes -= malloc_usable_size(memory) + sizeof(size_t);
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept { operator delete(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { operator delete(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { operator delete(memory); }

namespace semel::bench {
namespace {

template <class T>
void keep(const T& value) {
  asm volatile("" : : "g"(&value) : "memory");
}

/// Counts `work()`, which does `operations` operations; it must have run before, so that nothing is
/// counted that happens once.
template <class Work>
void count(const std::string& name, size_t operations, Work&& work) {
  const std::string label = "case:" + name + " operations:" + std::to_string(operations);
  CALLGRIND_START_INSTRUMENTATION;
  CALLGRIND_ZERO_STATS;
  work();
  CALLGRIND_DUMP_STATS_AT(label.c_str());
  CALLGRIND_STOP_INSTRUMENTATION;
  std::puts(label.c_str());
}

void count_dedup(int64_t producers) {
  constexpr size_t kOperations = 4096;
  const std::string suffix = "/" + std::to_string(producers);
  log::ProducerState state({});
  fill(state, producers, kPastBatches);
  const auto count_checks = [&](const char* name, int32_t sequence, uint32_t crc_change) {
    std::vector<log::BatchIdentity> batches;
    for (size_t i = 0; i < kOperations; ++i) {
      batches.push_back(batch_of(static_cast<int64_t>(i) * 7919 % producers, sequence));
      batches.back().crc ^= crc_change;
    }
    const auto check_all = [&] {
      for (const log::BatchIdentity& batch : batches) keep(state.check(batch, {}));
    };
    check_all();
    count(name + suffix, kOperations, check_all);
  };
  const int32_t newest = kPastBatches - 1;
  count_checks("dedup_check_in_order", newest + 1, 0);
  count_checks("dedup_duplicate_newest", newest, 0);
  count_checks("dedup_duplicate_oldest", newest - 4, 0);
  count_checks("dedup_to_compare", newest, 1);
  count_checks("dedup_gap", newest + 2, 0);

  const auto rounds = static_cast<int32_t>(std::max<int64_t>(1, 4096 / producers));
  const int64_t some = std::min<int64_t>(producers, 4096);
  count("dedup_check_and_apply" + suffix, static_cast<size_t>(rounds * some), [&] {
    for (int32_t round = 1; round <= rounds; ++round)
      for (int64_t id = 0; id < some; ++id) append(state, batch_of(id, newest + round), id);
  });
  count("dedup_expire_step" + suffix, kOperations, [&] { state.expire_step(kNowMs, kOperations); });
}

void count_validation(int32_t records, size_t value_bytes, record::CodecId codec) {
  record::BatchValidator validator;
  record::ProduceRules rules;
  rules.partition = "orders-0";
  rules.now_ms = kNowMs;
  std::vector<std::byte> batch = make_batch(records, value_bytes, codec);
  const auto validate = [&] {
    for (int i = 0; i < 16; ++i) {
      const record::ProduceVerdict verdict = validator.validate(batch, rules);
      SEMEL_ASSERT(verdict.standing == record::ProduceVerdict::Standing::kAccepted);
    }
  };
  validate();
  const std::string name = "validate_" + std::string(bytes::codec_name(codec)) + "/" +
                           std::to_string(records) + "x" + std::to_string(value_bytes);
  count(name, 16, validate);
}

void count_frame() {
  const bytes::Buffer frame = make_produce_frame(make_batch(1, 100, record::CodecId::kNone));
  gen::ProduceRequest request;
  const auto decode = [&] {
    for (int i = 0; i < 256; ++i) {
      const auto size = wire::read_frame_size(frame.span().first(4), 1 << 20);
      const bytes::Buffer body = frame.slice(4, *size);
      const auto prefix = wire::peek_request(body.span());
      bytes::Reader reader(body);
      const auto header = wire::read_request_header(reader, 2);
      const auto decoded = request.decode(reader, prefix->api_version);
      SEMEL_ASSERT(header && decoded && reader.remaining() == 0);
    }
  };
  decode();
  count("decode_produce_frame", 256, decode);
}

void count_snapshot() {
  constexpr int64_t kProducers = 1000;
  log::ProducerState state({});
  fill(state, kProducers, kPastBatches);
  const auto entries = state.snapshot();
  const bytes::Buffer file = log::encode_producer_snapshot(entries);
  count("snapshot_encode_entry", kProducers, [&] { keep(log::encode_producer_snapshot(entries)); });
  count("snapshot_decode_entry", kProducers,
        [&] { keep(log::decode_producer_snapshot(file.span())); });
}

/// The answer of a Fetch up to what is handed to the socket; records stay in their files.
void count_fetch_response(int64_t partitions) {
  gen::FetchResponse response;
  bytes::Writer writer;
  const auto assemble = [&] {
    for (int i = 0; i < 64; ++i) {
      response.reset();
      auto& topic = response.responses.append();
      topic.topic = "orders";
      for (int64_t p = 0; p < partitions; ++p) {
        auto& partition = topic.partitions.append();
        partition.partition_index = static_cast<int32_t>(p);
        partition.high_watermark = 1000;
        partition.records = wire::Records::external(static_cast<uint32_t>(p), 16'384);
      }
      writer.clear();
      const wire::FrameStart start = wire::begin_frame(writer);
      wire::put_response_header(writer, 7, 1);
      const auto encoded = response.encode(writer, 12);
      SEMEL_ASSERT(encoded.has_value());
      wire::end_frame(writer, start);
    }
  };
  assemble();
  count("assemble_fetch_response/" + std::to_string(partitions), 64, assemble);
}

/// Where a batch lies: among the newest, in memory; older ones by the index's file.
void count_look_up(int64_t entries) {
  constexpr size_t kOperations = 1024;
  MemoryDisk disk;
  log::OffsetIndex index(disk, "index", Offset{0}, 10 << 20);
  SEMEL_ASSERT(index.create().has_value());
  for (int64_t i = 0; i < entries; ++i) {
    SEMEL_ASSERT(index.make_room().has_value());
    index.append(Offset{i * 10 + 9}, static_cast<uint32_t>(i * 4096));
  }
  SEMEL_ASSERT(index.write_out().has_value());
  const auto look_up = [&] {
    for (size_t i = 0; i < kOperations; ++i)
      keep(index.floor(Offset{static_cast<int64_t>(i) * 7919 % (entries * 10)}));
  };
  look_up();
  count("index_look_up/" + std::to_string(entries), kOperations, look_up);
}

void count_newest() {
  log::PairWindow window;
  for (uint32_t i = 0; i < 200; ++i) window.push({i * 3, i * 16'384});
  const auto look_up = [&] {
    for (int i = 0; i < 1024; ++i) keep(window.floor(199 * 3));
  };
  look_up();
  count("newest_look_up", 1024, look_up);
}

int count_instructions() {
  for (const int64_t producers : {1, 1'000, 100'000}) count_dedup(producers);
  count_validation(1, 100, record::CodecId::kNone);
  for (const auto codec : {record::CodecId::kNone, record::CodecId::kGzip, record::CodecId::kSnappy,
                           record::CodecId::kLz4, record::CodecId::kZstd})
    count_validation(100, 100, codec);
  count_frame();
  for (const int64_t partitions : {1, 100}) count_fetch_response(partitions);
  for (const int64_t entries : {50, 100'000}) count_look_up(entries);
  count_newest();
  count_snapshot();
  return 0;
}

/// The bytes of the heap itself: what the allocator hands out plus its own word for each block.
void weigh(int64_t producers, int32_t batches) {
  const size_t before = heap_bytes;
  log::ProducerState state({});
  fill(state, producers, batches);
  const auto per_producer = [&](size_t bytes) {
    return static_cast<double>(bytes) / static_cast<double>(producers);
  };
  std::printf("bytes_per_producer_%d_batches/%lld %.1f says %.1f\n", batches,
              static_cast<long long>(producers), per_producer(heap_bytes - before),
              per_producer(state.memory_bytes()));
}

int weigh_all() {
  for (const int64_t producers : {1'000, 10'000, 100'000, 1'000'000})
    for (const int32_t batches : {1, 5}) weigh(producers, batches);
  return 0;
}

}  // namespace
}  // namespace semel::bench

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "instructions") == 0)
    return semel::bench::count_instructions();
  if (argc == 2 && std::strcmp(argv[1], "memory") == 0) return semel::bench::weigh_all();
  std::fputs("usage: semel_counts instructions|memory\n", stderr);
  return 2;
}
