#include "stub_broker.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "bytes/reader.h"
#include "bytes/writer.h"
#include "gen/api_table.h"
#include "gen/api_versions.h"
#include "gen/create_topics.h"
#include "gen/fetch.h"
#include "gen/header.h"
#include "gen/init_producer_id.h"
#include "gen/metadata.h"
#include "gen/produce.h"
#include "record/batch_iterator.h"
#include "record/content.h"
#include "rt/blocking.h"
#include "rt/gate.h"
#include "rt/stream_io.h"

namespace semel::sim {

namespace {

using std::chrono::milliseconds;

struct Stored {
  Sequence first, last;
  Offset offset;
  uint64_t position = 0;
  size_t size = 0;
};

struct Session {
  ProducerEpoch epoch;
  std::vector<Stored> batches;
};

struct Partition {
  std::shared_ptr<rt::File> file;
  uint64_t size = 0;
  Offset end{0};
  std::map<ProducerId, Session> sessions;
};

class StubBroker final : public BrokerProgram {
 public:
  StubBroker(rt::Runtime runtime, BrokerSpec spec)
      : runtime_(std::move(runtime)), spec_(std::move(spec)) {}

  void start() override { rt::spawn(run(gate_.enter())); }

  rt::Task<void> stop() override {
    cancel_.cancel();
    if (listener_ != nullptr) listener_->close();
    co_await gate_.close(*runtime_.executors[0]);
  }

  bool has_exited() const override { return !exit_reason_.empty(); }
  std::string exit_reason() const override { return exit_reason_; }

 private:
  rt::Task<void> run(rt::Gate::Entry entry) {
    auto loaded = co_await rt::run_blocking(*runtime_.disk, *runtime_.executors[0],
                                            [this] { return load(); });
    if (!loaded) {
      exit_reason_ = "start: " + loaded.error().context;
      co_return;
    }
    auto listener = runtime_.network->listen(
        spec_.listen, runtime_.executors,
        [this](std::unique_ptr<rt::Stream> stream) { accept(std::move(stream)); });
    if (!listener) {
      exit_reason_ = listener.error().context;
      co_return;
    }
    listener_ = std::move(*listener);
    if (cancel_.is_cancelled()) listener_->close();
  }

  void accept(std::unique_ptr<rt::Stream> stream) {
    rt::Gate::Entry entry = gate_.enter();
    if (entry) rt::spawn(serve(std::move(stream), std::move(entry)));
  }

  Result<void> load() {
    rt::Disk& disk = *runtime_.disk;
    SEMEL_CHECK(disk.make_directories(spec_.data));
    SEMEL_CHECK(disk.sync_directory("/"));
    const auto meta = rt::read_file(disk, spec_.data + "/meta", 100);
    if (!meta && meta.error().cause == Cause::kNotFound) return {};
    if (!meta) return fail(meta.error());
    bytes::Reader reader(meta->span());
    const int32_t count = reader.read_i32();
    next_producer_id_ = reader.read_i64();
    for (int32_t i = 0; i < count; ++i) {
      auto& partition = partitions_.emplace_back();
      SEMEL_CHECK(load_partition(partition, fmt::format("{}/p{}", spec_.data, i)));
    }
    return {};
  }

  Result<void> load_partition(Partition& partition, const std::string& path) {
    SEMEL_TRY(partition.file, runtime_.disk->open(path, rt::OpenMode::kCreate));
    SEMEL_CHECK(runtime_.disk->sync_directory(spec_.data));
    SEMEL_TRY(const uint64_t size, partition.file->size());
    std::vector<std::byte> content(size);
    SEMEL_CHECK(partition.file->pread(0, content));
    record::BatchIterator batches(content);
    while (const auto batch = batches.next()) {
      const bool is_trusting = is_planted(runtime_.plants, &rt::Plants::keep_torn_batch);
      if (!is_trusting && (!batch->crc_is_right() || batch->base_offset() != partition.end)) break;
      note_batch(partition, *batch);
    }
    if (is_planted(runtime_.plants, &rt::Plants::forget_state_on_restart))
      partition.sessions.clear();
    SEMEL_CHECK(partition.file->truncate(partition.size));
    return partition.file->sync();
  }

  static void note_batch(Partition& partition, const record::BatchView& batch) {
    Session& session = partition.sessions[batch.producer_id()];
    if (session.epoch != batch.producer_epoch()) session = {batch.producer_epoch(), {}};
    session.batches.push_back({batch.base_sequence(), batch.last_sequence(), batch.base_offset(),
                               partition.size, batch.size()});
    partition.size += batch.size();
    partition.end = batch.next_offset();
  }

  rt::Task<void> serve(std::unique_ptr<rt::Stream> stream, rt::Gate::Entry entry) {
    const rt::CancelToken token = cancel_.token();
    while (!token.is_cancelled()) {
      std::array<std::byte, 4> prefix;
      auto has_prefix = co_await rt::read_exactly(*stream, prefix, {.cancel = &token});
      if (!has_prefix) co_return;
      std::vector<std::byte> frame(static_cast<size_t>(bytes::load_be<int32_t>(prefix.data())));
      auto has_frame = co_await rt::read_exactly(*stream, frame, {.cancel = &token});
      if (!has_frame) co_return;
      const bytes::Buffer request = bytes::Buffer::take(std::move(frame));
      bytes::Writer response;
      response.put_i32(0);
      const rt::Instant deadline = runtime_.clock->now() + milliseconds{100};
      bool is_answered = false;
      while (!is_answered && !token.is_cancelled()) {
        const bool is_last = runtime_.clock->now() >= deadline;
        auto done = co_await rt::run_blocking(*runtime_.disk, stream->executor(),
                                              [&] { return handle(request, response, is_last); });
        is_answered = done;
        if (!exit_reason_.empty()) co_return;
        if (!done) co_await rt::sleep_for(stream->executor(), milliseconds{10});
      }
      if (!is_answered) co_return;
      response.patch_be<int32_t>(0, static_cast<int32_t>(response.size() - 4));
      auto sent = co_await rt::write_all(*stream, response.written(), {.cancel = &token});
      if (!sent) co_return;
    }
  }

  /// False: a fetch that found nothing and may wait.
  bool handle(const bytes::Buffer& frame, bytes::Writer& out, bool is_last) {
    bytes::Reader reader(frame);
    gen::RequestHeader header;
    const int16_t key = bytes::load_be<int16_t>(frame.data());
    const int16_t version = bytes::load_be<int16_t>(frame.data() + 2);
    if (!header.decode(reader, gen::request_header_version(key, version))) return true;
    bytes::Writer body;
    const bool is_answered = answer(static_cast<gen::ApiKey>(key), version, reader, body, is_last);
    if (!is_answered) return false;
    gen::ResponseHeader head;
    head.correlation_id = header.correlation_id;
    static_cast<void>(head.encode(out, gen::response_header_version(key, version)));
    out.put_bytes(body.written());
    return true;
  }

  template <class Request, class Response>
  bool reply(int16_t version, bytes::Reader& reader, bytes::Writer& body,
             void (StubBroker::*handler)(const Request&, Response&)) {
    Request request;
    Response response;
    if (request.decode(reader, version)) (this->*handler)(request, response);
    static_cast<void>(response.encode(body, version));
    return true;
  }

  bool answer(gen::ApiKey key, int16_t version, bytes::Reader& reader, bytes::Writer& body,
              bool is_last) {
    switch (key) {
      case gen::ApiKey::kMetadata:
        return reply(version, reader, body, &StubBroker::metadata);
      case gen::ApiKey::kInitProducerId:
        return reply(version, reader, body, &StubBroker::identity);
      case gen::ApiKey::kCreateTopics:
        return reply(version, reader, body, &StubBroker::create);
      case gen::ApiKey::kProduce:
        return reply(version, reader, body, &StubBroker::produce);
      case gen::ApiKey::kFetch: {
        gen::FetchRequest request;
        gen::FetchResponse response;
        if (request.decode(reader, version) && !fetch(request, response) && !is_last) return false;
        static_cast<void>(response.encode(body, version));
        return true;
      }
      default:
        return reply(version, reader, body, &StubBroker::versions);
    }
  }

  void versions(const gen::ApiVersionsRequest&, gen::ApiVersionsResponse&) {}

  void metadata(const gen::MetadataRequest&, gen::MetadataResponse& response) {
    auto& topic = response.topics.append();
    topic.name = "events";
    for (size_t i = 0; i < partitions_.size(); ++i) {
      auto& partition = topic.partitions.append();
      partition.partition_index = static_cast<int32_t>(i);
      partition.leader_id = 1;
    }
  }

  Result<void> save_meta() {
    bytes::Writer writer;
    writer.put_i32(static_cast<int32_t>(partitions_.size()));
    writer.put_i64(next_producer_id_);
    auto saved = rt::replace_file(*runtime_.disk, spec_.data + "/meta", writer.written());
    if (!saved) exit_reason_ = saved.error().context;
    return saved;
  }

  void identity(const gen::InitProducerIdRequest&, gen::InitProducerIdResponse& response) {
    response.producer_id = next_producer_id_++;
    static_cast<void>(save_meta());
  }

  void create(const gen::CreateTopicsRequest& request, gen::CreateTopicsResponse& response) {
    auto& topic = response.topics.append();
    topic.name = request.topics[0].name;
    while (static_cast<int32_t>(partitions_.size()) < request.topics[0].num_partitions) {
      Partition partition;
      const auto path = fmt::format("{}/p{}", spec_.data, partitions_.size());
      const auto loaded = load_partition(partition, path);
      if (!loaded) exit_reason_ = loaded.error().context;
      partitions_.push_back(std::move(partition));
    }
    static_cast<void>(save_meta());
  }

  void produce(const gen::ProduceRequest& request, gen::ProduceResponse& response) {
    for (const auto& topic : request.topic_data) {
      auto& answers = response.responses.append();
      answers.name = topic.name;
      answers.topic_id = topic.topic_id;
      for (const auto& data : topic.partition_data) {
        auto& answer = answers.partition_responses.append();
        answer.index = data.index;
        answer.base_offset = -1;
        const auto offset =
            append(partitions_[static_cast<size_t>(data.index)], data.records.buffer());
        if (offset)
          answer.base_offset = offset->value;
        else
          answer.error_code = static_cast<int16_t>(offset.error().code);
      }
    }
  }

  Result<Offset> append(Partition& partition, const bytes::Buffer& records) {
    std::vector<std::byte> bytes(records.data(), records.data() + records.size());
    const record::BatchView sent(bytes);
    const auto found = partition.sessions.find(sent.producer_id());
    if (found != partition.sessions.end() &&
        !is_planted(runtime_.plants, &rt::Plants::skip_sequence_check)) {
      const Session& session = found->second;
      if (sent.producer_epoch() < session.epoch) return fail(ErrorCode::kInvalidProducerEpoch);
      if (sent.producer_epoch() > session.epoch && sent.base_sequence() != Sequence{0})
        return fail(ErrorCode::kOutOfOrderSequenceNumber);
      if (sent.producer_epoch() == session.epoch) {
        for (const Stored& stored : session.batches)
          if (stored.first == sent.base_sequence() && stored.last == sent.last_sequence())
            return answer_duplicate(partition, stored, sent);
        if (session.batches.back().last.plus(1) != sent.base_sequence())
          return fail(ErrorCode::kOutOfOrderSequenceNumber);
      }
    }
    record::stamp_base_offset(bytes, partition.end);
    const bytes::ByteSpan part(bytes);
    auto written = partition.file->pwritev(partition.size, {&part, 1});
    if (written && !is_planted(runtime_.plants, &rt::Plants::ack_before_flush))
      written = partition.file->sync();
    if (!written) {
      exit_reason_ = written.error().context;
      return fail(ErrorCode::kKafkaStorageError);
    }
    const Offset base = partition.end;
    note_batch(partition, sent);
    return base;
  }

  Result<Offset> answer_duplicate(Partition& partition, const Stored& stored,
                                  const record::BatchView& sent) {
    std::vector<std::byte> bytes(stored.size);
    SEMEL_CHECK(partition.file->pread(stored.position, bytes));
    record::RecordScratch one, two;
    SEMEL_TRY(const bool is_same, record::same_content(record::BatchView(bytes), sent, one, two));
    if (!is_same) return fail(ErrorCode::kOutOfOrderSequenceNumber);
    return stored.offset;
  }

  /// False if there was nothing to read.
  bool fetch(const gen::FetchRequest& request, gen::FetchResponse& response) {
    response = {};
    bool has_data = false;
    for (const auto& topic : request.topics) {
      auto& answers = response.responses.append();
      answers.topic = topic.topic;
      answers.topic_id = topic.topic_id;
      for (const auto& wanted : topic.partitions) {
        Partition& partition = partitions_[static_cast<size_t>(wanted.partition)];
        auto& data = answers.partitions.append();
        data.partition_index = wanted.partition;
        data.high_watermark = partition.end.value;
        data.log_start_offset = 0;
        data.records = read(partition, wanted.fetch_offset);
        has_data |= data.records.size() > 0;
      }
    }
    return has_data;
  }

  bytes::Buffer read(Partition& partition, int64_t offset) {
    std::vector<std::byte> content(partition.size);
    const auto got = partition.file->pread(0, content);
    if (!got) exit_reason_ = got.error().context;
    record::BatchIterator batches(content);
    size_t from = 0;
    while (const auto batch = batches.next()) {
      if (batch->last_offset().value >= offset) break;
      from = batches.position();
    }
    return bytes::Buffer::copy_of(bytes::ByteSpan(content).subspan(from));
  }

  rt::Runtime runtime_;
  BrokerSpec spec_;
  std::vector<Partition> partitions_;
  int64_t next_producer_id_ = 1000;
  std::string exit_reason_;
  std::unique_ptr<rt::Listener> listener_;
  rt::CancelSource cancel_;
  rt::Gate gate_;
};

}  // namespace

BrokerFactory stub_broker_factory() {
  return [](rt::Runtime runtime, const BrokerSpec& spec) -> std::unique_ptr<BrokerProgram> {
    return std::make_unique<StubBroker>(std::move(runtime), spec);
  };
}

}  // namespace semel::sim
