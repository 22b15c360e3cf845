#include "cluster/metadata_follower.h"

#include <deque>

#include <fmt/format.h>

#include "base/log.h"
#include "bytes/writer.h"
#include "cluster/image_delta.h"
#include "cluster/metadata_batch.h"
#include "cluster/snapshot_file.h"
#include "gen/fetch.h"
#include "gen/fetch_snapshot.h"
#include "record/batch_iterator.h"
#include "rt/wait.h"

namespace semel::cluster {
namespace {

constexpr int32_t kFetchBytes = 8 << 20;
constexpr size_t kSnapshotBytesMax = 1u << 30;
constexpr rt::Duration kRetryPause = std::chrono::milliseconds(50);
constexpr rt::Duration kAnswerSlack = std::chrono::seconds(10);
constexpr std::string_view kTopicName = "__cluster_metadata";

/// Ends the reading of a region at the high watermark; no failure.
constexpr ErrorCode kAtHighWatermark = ErrorCode::kOffsetOutOfRange;

struct Replayer final : BatchVisitor {
  Replayer(ImageDelta& d, Offset l) : delta(d), limit(l) {}
  Result<void> on_record(const RecordPlace& place, const VersionedRecord& record) override {
    if (place.offset >= limit) return fail(kAtHighWatermark);
    SEMEL_CHECK(delta.replay(record));
    return note(place);
  }
  Result<void> on_control(const RecordPlace& place, const ControlRecord& record) override {
    if (place.offset >= limit) return fail(kAtHighWatermark);
    if (const auto* version = std::get_if<KraftVersion>(&record))
      delta.replay_kraft_version(version->version);
    return note(place);
  }
  Result<void> note(const RecordPlace& place) {
    last = place;
    return {};
  }

  ImageDelta& delta;
  Offset limit;
  RecordPlace last{Offset{-1}, LeaderEpoch{-1}, -1};
};

}  // namespace

struct MetadataFollower::Core {
  Core(rt::Executor& h, OpenStream o, ImagePublisher& i, FollowerSettings s,
       rt::UniqueFunction<void(const Error&)> f)
      : home(h),
        open(std::move(o)),
        images(i),
        settings(std::move(s)),
        on_fatal(std::move(f)),
        delta(images.current()) {}

  using Partition = gen::fetch_response::PartitionData;

  static rt::Task<void> loop(std::shared_ptr<Core> core) {
    while (!core->is_stopped) {
      auto done = co_await core->step();
      if (core->is_stopped) break;
      if (done) continue;
      if (done.error().cause != Cause::kClosed) {
        core->is_stopped = true;
        core->on_fatal(done.error());
        break;
      }
      log_debug("cluster", "following the metadata log: {}", done.error().context);
      co_await rt::pause(core->home,
                         {.deadline = core->home.clock().now() + kRetryPause, .cancel = nullptr});
    }
  }

  /// One fetch and what follows from it. Cause::kClosed: try again; else fatal.
  rt::Task<Result<void>> step() {
    if (!connection || connection->is_broken()) {
      auto opened = co_await connect();
      if (!opened) co_return fail(again(opened.error()));
    }
    const std::shared_ptr<peer::Connection> used = connection;
    auto response = co_await peer::call_typed<gen::FetchResponse>(*used, fetch_request(), limits());
    if (is_stopped) co_return Result<void>{};
    if (!response) {
      used->close();
      co_return fail(again(response.error()));
    }
    if (response->error_code != 0 || response->responses.empty() ||
        response->responses[0].partitions.empty())
      co_return retry(fmt::format("fetch answered {}",
                                  error_name(static_cast<ErrorCode>(response->error_code))));
    auto done = co_await take(*used, response->responses[0].partitions[0]);
    co_return done;
  }

  rt::Task<Result<void>> take(peer::Connection& used, Partition& partition) {
    const auto code = static_cast<ErrorCode>(partition.error_code);
    if (partition.current_leader.leader_epoch > epoch.value)
      epoch = LeaderEpoch{partition.current_leader.leader_epoch};
    if (code == ErrorCode::kFencedLeaderEpoch && partition.current_leader.leader_epoch >= 0)
      co_return Result<void>{};
    if (code != ErrorCode::kNone)
      co_return retry(fmt::format("the leader answered {}", error_name(code)));
    if (partition.snapshot_id.end_offset >= 0) {
      auto loaded = co_await load_snapshot(used, partition.snapshot_id);
      co_return loaded;
    }
    if (partition.diverging_epoch.epoch >= 0)
      co_return on_diverging(Offset{partition.diverging_epoch.end_offset});
    high_watermark = std::max(high_watermark, Offset{partition.high_watermark});
    if (!partition.records.is_null() && partition.records.size() > 0) {
      const auto noted = note_region(partition.records.buffer());
      if (!noted) co_return fail(noted.error());
    }
    co_return apply();
  }

  rt::Task<Result<void>> connect() {
    auto stream = co_await open();
    if (!stream) co_return fail(stream.error());
    auto fresh = std::make_shared<peer::Connection>(std::move(*stream), peer::ConnectionOptions{});
    const auto negotiated = co_await fresh->negotiate(limits());
    if (!negotiated) co_return fail(negotiated.error());
    connection = std::move(fresh);
    co_return Result<void>{};
  }

  rt::WaitLimits limits() const {
    return {.deadline = home.clock().now() + settings.max_wait + kAnswerSlack, .cancel = nullptr};
  }
  static Error again(Error error) {
    error.cause = Cause::kClosed;
    return error;
  }
  static std::unexpected<Error> retry(std::string why) {
    return fail(ErrorCode::kNetworkException, std::move(why), Cause::kClosed);
  }

  gen::FetchRequest fetch_request() const {
    gen::FetchRequest request;
    request.cluster_id = settings.cluster_id;
    request.replica_state.replica_id = settings.replica_id;
    request.max_wait_ms = static_cast<int32_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(settings.max_wait).count());
    request.max_bytes = kFetchBytes;
    auto& topic = request.topics.append();
    topic.topic = kTopicName;
    topic.topic_id = kMetadataTopicId;
    auto& partition = topic.partitions.append();
    partition.current_leader_epoch = epoch.value;
    partition.fetch_offset = fetched.value;
    partition.last_fetched_epoch = fetched_epoch.value;
    partition.partition_max_bytes = kFetchBytes;
    partition.replica_directory_id = settings.directory;
    partition.high_watermark = high_watermark.value;
    return request;
  }

  /// Records above the high watermark may be taken back; committed ones may not.
  Result<void> on_diverging(Offset end) {
    if (end < applied)
      return fail(ErrorCode::kCorruptMessage,
                  fmt::format("the leader's metadata log ends at {} where {} was committed",
                              end.value, applied.value));
    regions.clear();
    fetched = applied;
    fetched_epoch = applied_epoch;
    return {};
  }

  Result<void> note_region(const bytes::Buffer& region) {
    record::BatchIterator batches(region.span());
    while (const auto batch = batches.next()) {
      fetched = batch->last_offset() + 1;
      fetched_epoch = batch->leader_epoch();
    }
    if (batches.stop() == record::BatchStop::kCorrupt)
      return fail(ErrorCode::kCorruptMessage, std::string("fetched metadata: ") + batches.reason());
    if (batches.position() > 0) regions.push_back(region.slice(0, batches.position()));
    return {};
  }

  /// Replays what is below the high watermark and publishes it.
  Result<void> apply() {
    const Offset before = applied;
    while (!regions.empty() && applied < high_watermark) {
      Replayer replayer(delta, high_watermark);
      const auto read = read_batches(regions.front().span(), applied, replayer);
      if (!read && read.error().code != kAtHighWatermark) return fail(read.error(), "metadata log");
      if (replayer.last.offset >= applied) {
        applied = replayer.last.offset + 1;
        applied_epoch = replayer.last.epoch;
      }
      if (!read) break;
      applied = std::max(applied, *read);
      regions.pop_front();
    }
    if (applied > before && applied >= high_watermark && !delta.is_in_transaction()) publish();
    return {};
  }

  void publish() {
    const ImageChange change = delta.finish(applied - 1, applied_epoch);
    images.publish(change);
    delta = ImageDelta(change.after);
  }

  rt::Task<Result<void>> load_snapshot(peer::Connection& used, gen::fetch_response::SnapshotId id) {
    bytes::Writer content;
    int64_t size = 1;
    while (static_cast<int64_t>(content.size()) < size) {
      auto response = co_await peer::call_typed<gen::FetchSnapshotResponse>(
          used, snapshot_request(id, content.size()), limits());
      if (is_stopped) co_return Result<void>{};
      if (!response) co_return fail(again(response.error()));
      if (response->error_code != 0 || response->topics.empty() ||
          response->topics[0].partitions.empty())
        co_return retry("a snapshot was not given");
      const auto& piece = response->topics[0].partitions[0];
      if (piece.error_code != 0 || piece.position != static_cast<int64_t>(content.size()) ||
          piece.unaligned_records.is_null() || piece.unaligned_records.size() == 0)
        co_return retry("a piece of a snapshot was not given");
      size = piece.size;
      if (size > static_cast<int64_t>(kSnapshotBytesMax))
        co_return fail(ErrorCode::kCorruptMessage,
                       fmt::format("a metadata snapshot of {} bytes", size));
      content.put_bytes(piece.unaligned_records.buffer().span());
    }
    co_return take_snapshot(content.written(), id);
  }

  gen::FetchSnapshotRequest snapshot_request(const gen::fetch_response::SnapshotId& id,
                                             size_t position) const {
    gen::FetchSnapshotRequest request;
    request.cluster_id = settings.cluster_id;
    request.replica_id = settings.replica_id;
    request.max_bytes = kFetchBytes;
    auto& topic = request.topics.append();
    topic.name = kTopicName;
    auto& partition = topic.partitions.append();
    partition.current_leader_epoch = epoch.value;
    partition.snapshot_id.end_offset = id.end_offset;
    partition.snapshot_id.epoch = id.epoch;
    partition.position = static_cast<int64_t>(position);
    partition.replica_directory_id = settings.directory;
    return request;
  }

  Result<void> take_snapshot(bytes::ByteSpan content, const gen::fetch_response::SnapshotId& id) {
    delta.start_snapshot();
    const auto facts = read_snapshot(
        content, [this](const VersionedRecord& record) { return delta.replay(record); });
    if (!facts) return fail(facts.error(), "metadata snapshot");
    if (facts->kraft_version) delta.replay_kraft_version(*facts->kraft_version);
    regions.clear();
    applied = fetched = Offset{id.end_offset};
    applied_epoch = fetched_epoch = LeaderEpoch{id.epoch};
    high_watermark = std::max(high_watermark, applied);
    publish();
    return {};
  }

  rt::Executor& home;
  OpenStream open;
  ImagePublisher& images;
  FollowerSettings settings;
  rt::UniqueFunction<void(const Error&)> on_fatal;
  ImageDelta delta;
  std::shared_ptr<peer::Connection> connection;
  std::deque<bytes::Buffer> regions;  // fetched, not all of it applied
  Offset fetched{0};                  // next offset to ask for
  LeaderEpoch fetched_epoch{0};
  Offset applied{0};  // next offset to replay
  LeaderEpoch applied_epoch{0};
  Offset high_watermark{0};
  LeaderEpoch epoch{0};  // of the quorum
  bool is_stopped = false;
};

MetadataFollower::MetadataFollower(rt::Executor& home, OpenStream open, ImagePublisher& images,
                                   FollowerSettings settings,
                                   rt::UniqueFunction<void(const Error&)> on_fatal)
    : core_(std::make_shared<Core>(home, std::move(open), images, std::move(settings),
                                   std::move(on_fatal))) {}

MetadataFollower::~MetadataFollower() { stop(); }

void MetadataFollower::start() { rt::spawn(Core::loop(core_)); }

void MetadataFollower::stop() {
  core_->is_stopped = true;
  if (core_->connection) core_->connection->close();
}

}  // namespace semel::cluster
