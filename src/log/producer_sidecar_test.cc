#include "log/producer_sidecar.h"

#include <random>

#include <gtest/gtest.h>

#include "bytes/crc32c.h"
#include "bytes/endian.h"
#include "log/producer_state.h"
#include "rt/sim/world.h"

namespace semel::log {
namespace {

Sidecar example() {
  Sidecar sidecar;
  sidecar.tie = {0x79d1182d, Offset{43}, LeaderEpoch{2}};
  sidecar.written_ms = 1'700'000'000'500;
  ProducerView producer;
  producer.producer_id = ProducerId{1000};
  producer.epoch = ProducerEpoch{1};
  producer.timestamp_ms = 1'700'000'000'000;
  producer.last_append_ms = 1'700'000'001'000;
  producer.first_known = Sequence{0};
  producer.epoch_start_is_known = true;
  producer.batches = {{Sequence{0}, 0, Offset{40}, 1'699'999'999'000, 0xdeadbeef, true},
                      {Sequence{2}, 1, Offset{42}, 1'700'000'000'000, 0, false}};
  sidecar.producers.push_back(producer);
  ProducerView marker_only;
  marker_only.producer_id = ProducerId{1001};
  marker_only.epoch = ProducerEpoch{5};
  marker_only.coordinator_epoch = 7;
  marker_only.counters.fenced = 3;
  sidecar.producers.push_back(marker_only);
  return sidecar;
}

std::vector<std::byte> encoded(const Sidecar& sidecar) {
  const bytes::Buffer file = encode_sidecar(sidecar);
  return {file.span().begin(), file.span().end()};
}

void mend(std::vector<std::byte>& file) {
  bytes::store_be(file.data() + 8, bytes::crc32c(std::span(file).subspan(12)));
}

TEST(ProducerSidecar, ComesBackWhole) {
  const Sidecar sidecar = example();
  const auto decoded = decode_sidecar(encoded(sidecar));
  ASSERT_TRUE(decoded) << decoded.error().context;
  EXPECT_EQ(decoded->tie, sidecar.tie);
  EXPECT_EQ(decoded->written_ms, sidecar.written_ms);
  EXPECT_EQ(decoded->producers, sidecar.producers);
}

TEST(ProducerSidecar, SizesAreThoseOfTheFormat) {
  Sidecar sidecar;
  EXPECT_EQ(encoded(sidecar).size(), 40u);
  EXPECT_EQ(encoded(example()).size(), 40u + (45 + 2 * 29) + (45 + 64));
}

TEST(ProducerSidecar, DamageIsRefused) {
  const std::vector<std::byte> good = encoded(example());
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(decode_sidecar(std::span(good).first(size))) << size;
  for (size_t at = 0; at < good.size(); ++at) {
    if (at == 6 || at == 7) continue;  // reserved
    std::vector<std::byte> bad = good;
    bad[at] ^= std::byte{0x10};
    EXPECT_FALSE(decode_sidecar(bad)) << at;
  }
}

TEST(ProducerSidecar, OtherVersionsAreIgnored) {
  std::vector<std::byte> file = encoded(example());
  file[5] = std::byte{2};
  const auto decoded = decode_sidecar(file);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, ErrorCode::kUnsupportedVersion);
}

TEST(ProducerSidecar, HostileCountsAreRefused) {
  std::vector<std::byte> file = encoded(example());
  bytes::store_be(file.data() + 36, uint32_t{0xffffffff});
  mend(file);
  EXPECT_FALSE(decode_sidecar(file));
  file = encoded(example());
  bytes::store_be(file.data() + 40 + 43, uint16_t{0xffff});
  mend(file);
  EXPECT_FALSE(decode_sidecar(file));
}

TEST(ProducerSidecar, ImpossibleStatesAreRefused) {
  Sidecar sidecar = example();
  std::swap(sidecar.producers[0].batches[0], sidecar.producers[0].batches[1]);
  EXPECT_FALSE(decode_sidecar(encoded(sidecar)));
  sidecar = example();
  sidecar.producers[0].first_known = kNoSequence;
  EXPECT_FALSE(decode_sidecar(encoded(sidecar)));
  sidecar = example();
  sidecar.tie.end_offset = Offset{42};
  EXPECT_FALSE(decode_sidecar(encoded(sidecar)));
}

TEST(ProducerSidecar, MutationsUnderARightChecksumDoNoHarm) {
  std::mt19937 random(5);
  const std::vector<std::byte> good = encoded(example());
  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::byte> file = good;
    for (int change = 0; change < 1 + round % 4; ++change)
      file[12 + random() % (file.size() - 12)] =
          static_cast<std::byte>(random() % 4 == 0 ? 0xff : random());
    mend(file);
    const auto decoded = decode_sidecar(file);
    if (!decoded) continue;
    ++accepted;
    std::vector<ProducerSnapshotEntry> entries;
    for (const ProducerView& producer : decoded->producers) {
      ProducerSnapshotEntry& entry = entries.emplace_back();
      entry.producer_id = producer.producer_id;
      entry.epoch = producer.epoch;
      if (producer.batches.empty()) continue;
      entry.last_sequence = producer.batches.back().last_sequence;
      entry.last_offset = producer.batches.back().last_offset;
      entry.offset_delta = producer.batches.back().offset_delta;
    }
    ProducerState state({});
    state.load(entries, decoded->producers, 1'700'000'000'000);
    for (const ProducerView& producer : decoded->producers)
      for (const int32_t sequence : {0, 2, 0x7fffffff})
        state.check({producer.producer_id, producer.epoch, Sequence{sequence}}, {});
  }
  EXPECT_GT(accepted, 1000);
}

TEST(ProducerSidecar, NamesDoNotDisturbKafka) {
  EXPECT_EQ(sidecar_name(Offset{42}), "00000000000000000042.snapshot-semel");
  EXPECT_EQ(sidecar_offset("00000000000000000042.snapshot-semel"), Offset{42});
  for (const char* name :
       {"00000000000000000042.snapshot", "00000000000000000042.snapshot-semel.tmp",
        "42.snapshot-semel", "0000000000000000004x.snapshot-semel",
        "-0000000000000000042.snapshot-semel", ""})
    EXPECT_FALSE(sidecar_offset(name)) << name;
  for (const char* suffix :
       {".log", ".index", ".timeindex", ".txnindex", ".snapshot", ".deleted", ".cleaned", ".swap"})
    EXPECT_FALSE(sidecar_name(Offset{42}).ends_with(suffix)) << suffix;
}

struct Machine {
  Machine() { node.boot(); }
  rt::Disk& disk() { return *node.process()->runtime().disk; }
  rt::sim::World world{7};
  rt::sim::Node& node = world.add_node("n1");
};

TEST(ProducerSidecar, TheTwoNewestAreKept) {
  Machine machine;
  rt::Disk& disk = machine.disk();
  ASSERT_TRUE(disk.make_directories("/d/t-0"));
  ASSERT_TRUE(
      disk.open("/d/t-0/00000000000000000009.snapshot-semel.tmp", rt::OpenMode::kCreateNew));
  Sidecar sidecar;
  for (const int64_t offset : {10, 20, 30}) {
    sidecar.tie.end_offset = Offset{offset};
    ASSERT_TRUE(write_sidecar(disk, "/d/t-0", sidecar));
  }
  EXPECT_FALSE(disk.exists("/d/t-0/00000000000000000009.snapshot-semel.tmp"));
  EXPECT_FALSE(disk.exists("/d/t-0/" + sidecar_name(Offset{10})));
  EXPECT_TRUE(read_sidecar(disk, "/d/t-0", {0, Offset{20}, kNoLeaderEpoch}));
  EXPECT_TRUE(read_sidecar(disk, "/d/t-0", {0, Offset{30}, kNoLeaderEpoch}));
  sidecar.tie.end_offset = Offset{25};  // the log was cut back
  ASSERT_TRUE(write_sidecar(disk, "/d/t-0", sidecar));
  EXPECT_FALSE(disk.exists("/d/t-0/" + sidecar_name(Offset{30})));
  EXPECT_TRUE(disk.exists("/d/t-0/" + sidecar_name(Offset{20})));
}

TEST(ProducerSidecar, OnlyItsOwnSnapshotMakesItTrue) {
  Machine machine;
  rt::Disk& disk = machine.disk();
  ASSERT_TRUE(disk.make_directories("/d/t-0"));
  const Sidecar sidecar = example();
  ASSERT_TRUE(write_sidecar(disk, "/d/t-0", sidecar));
  EXPECT_TRUE(read_sidecar(disk, "/d/t-0", sidecar.tie));
  SidecarTie other = sidecar.tie;
  other.snapshot_checksum ^= 1;
  EXPECT_FALSE(read_sidecar(disk, "/d/t-0", other));
  other = sidecar.tie;
  other.last_leader_epoch = LeaderEpoch{3};
  EXPECT_FALSE(read_sidecar(disk, "/d/t-0", other));
  other.end_offset = Offset{44};
  EXPECT_FALSE(read_sidecar(disk, "/d/t-0", other));
}

}  // namespace
}  // namespace semel::log
