// Times per operation of the hot paths, with google benchmark. counts.cc tells the same in
// instructions, which do not depend on the machine's load.
#include <filesystem>

#include <benchmark/benchmark.h>
#include <unistd.h>

#include "bench/workload.h"
#include "gen/fetch.h"
#include "log/offset_index.h"
#include "log/producer_sidecar.h"
#include "log/producer_snapshot.h"
#include "record/batch_validator.h"
#include "rt/linux/linux_runtime.h"

namespace semel::bench {
namespace {

using benchmark::DoNotOptimize;
using benchmark::State;

/// Producer ids far apart, so that each operation meets a cold slot when there are many.
int64_t scattered(int64_t i, int64_t producers) { return i * 7919 % producers; }

void dedup_in_order(State& state) {
  const int64_t producers = state.range(0);
  log::ProducerState table({});
  fill(table, producers, kPastBatches);
  int64_t i = 0;
  int32_t sequence = kPastBatches;
  for (auto _ : state) {
    append(table, batch_of(scattered(i, producers), sequence), i);
    if (++i == producers) {
      i = 0;
      ++sequence;
    }
  }
}
BENCHMARK(dedup_in_order)->Arg(1)->Arg(1'000)->Arg(10'000)->Arg(100'000)->Arg(1'000'000);

void dedup_answer(State& state, int32_t sequence) {
  const int64_t producers = state.range(0);
  log::ProducerState table({});
  fill(table, producers, kPastBatches);
  int64_t i = 0;
  for (auto _ : state)
    DoNotOptimize(table.check(batch_of(scattered(i++, producers), sequence), {}));
}
BENCHMARK_CAPTURE(dedup_answer, duplicate_newest, kPastBatches - 1)
    ->Arg(1)
    ->Arg(1'000)
    ->Arg(1'000'000);
BENCHMARK_CAPTURE(dedup_answer, duplicate_oldest, kPastBatches - 5)
    ->Arg(1)
    ->Arg(1'000)
    ->Arg(1'000'000);
BENCHMARK_CAPTURE(dedup_answer, gap, kPastBatches + 1)->Arg(1)->Arg(1'000)->Arg(1'000'000);

void validate(State& state, record::CodecId codec) {
  record::BatchValidator validator;
  record::ProduceRules rules;
  rules.partition = "orders-0";
  rules.now_ms = kNowMs;
  std::vector<std::byte> batch = make_batch(static_cast<int32_t>(state.range(0)), 100, codec);
  SEMEL_ASSERT(validator.validate(batch, rules).standing ==
               record::ProduceVerdict::Standing::kAccepted);
  for (auto _ : state) DoNotOptimize(validator.validate(batch, rules).standing);
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(batch.size()));
}
BENCHMARK_CAPTURE(validate, none, record::CodecId::kNone)->Arg(1)->Arg(100)->Arg(5'000);
BENCHMARK_CAPTURE(validate, gzip, record::CodecId::kGzip)->Arg(1)->Arg(100);
BENCHMARK_CAPTURE(validate, snappy, record::CodecId::kSnappy)->Arg(1)->Arg(100);
BENCHMARK_CAPTURE(validate, lz4, record::CodecId::kLz4)->Arg(1)->Arg(100);
BENCHMARK_CAPTURE(validate, zstd, record::CodecId::kZstd)->Arg(1)->Arg(100);

void snapshot_encode(State& state) {
  log::ProducerState table({});
  fill(table, state.range(0), kPastBatches);
  for (auto _ : state) DoNotOptimize(log::encode_producer_snapshot(table.snapshot()));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(snapshot_encode)->Arg(1)->Arg(1'000)->Arg(100'000);

void snapshot_decode(State& state) {
  log::ProducerState table({});
  fill(table, state.range(0), kPastBatches);
  const bytes::Buffer file = log::encode_producer_snapshot(table.snapshot());
  for (auto _ : state) DoNotOptimize(log::decode_producer_snapshot(file.span()));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(snapshot_decode)->Arg(1)->Arg(1'000)->Arg(100'000);

void sidecar_encode(State& state) {
  log::ProducerState table({});
  fill(table, state.range(0), kPastBatches);
  for (auto _ : state)
    DoNotOptimize(
        log::encode_sidecar({.tie = {}, .written_ms = kNowMs, .producers = table.views()}));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(sidecar_encode)->Arg(1'000)->Arg(100'000);

void decode_produce_frame(State& state) {
  const bytes::Buffer frame = make_produce_frame(
      make_batch(1, static_cast<size_t>(state.range(0)), record::CodecId::kNone));
  gen::ProduceRequest request;
  for (auto _ : state) {
    const auto size = wire::read_frame_size(frame.span().first(4), 64 << 20);
    const bytes::Buffer body = frame.slice(4, *size);
    bytes::Reader reader(body);
    const auto header = wire::read_request_header(reader, 2);
    DoNotOptimize(header);
    DoNotOptimize(request.decode(reader, 12));
  }
}
BENCHMARK(decode_produce_frame)->Arg(100)->Arg(1 << 20);

void assemble_fetch_response(State& state) {
  gen::FetchResponse response;
  bytes::Writer writer;
  const bytes::Buffer records = bytes::Buffer::copy_of(make_batch(10, 100, record::CodecId::kNone));
  for (auto _ : state) {
    response.reset();
    auto& topic = response.responses.append();
    topic.topic.assign("orders");
    for (int64_t p = 0; p < state.range(0); ++p) {
      auto& partition = topic.partitions.append();
      partition.partition_index = static_cast<int32_t>(p);
      partition.high_watermark = 1000;
      partition.records = records;
    }
    writer.clear();
    const wire::FrameStart start = wire::begin_frame(writer);
    wire::put_response_header(writer, 7, 1);
    DoNotOptimize(response.encode(writer, 12));
    wire::end_frame(writer, start);
  }
}
BENCHMARK(assemble_fetch_response)->Arg(1)->Arg(10)->Arg(100);

void offset_index_floor(State& state) {
  std::string folder = (std::filesystem::temp_directory_path() / "semel-bench-XXXXXX").string();
  SEMEL_ASSERT(::mkdtemp(folder.data()) != nullptr);
  {
    auto os = rt::LinuxRuntime::create({.reactors = 1, .io_threads = 1});
    log::OffsetIndex index(*(*os)->runtime().disk, folder + "/00000000000000000000.index",
                           Offset{0}, 10 << 20);
    SEMEL_ASSERT(index.create().has_value());
    for (int64_t i = 0; i < state.range(0); ++i) {
      SEMEL_ASSERT(index.make_room().has_value());
      index.append(Offset{i * 10 + 9}, static_cast<uint32_t>(i * 4096));
    }
    SEMEL_ASSERT(index.write_out().has_value());
    int64_t i = 0;
    for (auto _ : state) DoNotOptimize(index.floor(Offset{scattered(i++, state.range(0) * 10)}));
  }
  std::filesystem::remove_all(folder);
}
BENCHMARK(offset_index_floor)->Arg(50)->Arg(10'000)->Arg(1'000'000);

}  // namespace
}  // namespace semel::bench

BENCHMARK_MAIN();
