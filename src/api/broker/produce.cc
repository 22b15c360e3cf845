#include "api/broker/produce.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "api/broker/leader_hint.h"
#include "api/broker/topic_names.h"
#include "api/wire_code.h"
#include "base/log.h"
#include "bytes/reader.h"

namespace semel::api::broker {
namespace {

using replica::AppendOp;
using PartitionAnswer = gen::ProduceResponse::PartitionProduceResponse;

/// Codes that Kafka answers without the log start.
bool hides_log_start(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUnknownTopicOrPartition:
    case ErrorCode::kNotLeaderOrFollower:
    case ErrorCode::kMessageTooLarge:
    case ErrorCode::kRecordListTooLarge:
    case ErrorCode::kCorruptMessage:
    case ErrorCode::kKafkaStorageError:
    case ErrorCode::kUnknownTopicId:
      return true;
    default:
      return false;
  }
}

void refuse(PartitionAnswer& answer, ErrorCode code, std::string_view message = {}) {
  answer.error_code = wire_code(code);
  answer.base_offset = -1;
  if (!message.empty()) answer.error_message = message;
}

/// More partitions than any client has; what their answers would take is not bounded by the frame.
constexpr size_t kPartitionsMax = 100'000;
/// Bytes of records that are unpacked on a reactor: half a millisecond of the slowest codec.
constexpr uint64_t kWorkAtOnceMax = 256 * 1024;
/// State that a recycled request keeps.
constexpr size_t kKeptBatches = 64;
/// Batches of one request that are under way at a time; between them the reactor serves others.
constexpr size_t kBatchesAtOnce = 1000;
/// A Batch, and its answer with a message and what the decoder made of it.
constexpr size_t kMemoryPerBatch = 850;
constexpr size_t kMemoryPerAnswer = 350;

size_t memory_for_batches(size_t count) {
  return std::min(count, kBatchesAtOnce) * kMemoryPerBatch + count * kMemoryPerAnswer;
}

size_t count_partitions(const gen::ProduceRequest& request) {
  size_t count = 0;
  for (const auto& topic : request.topic_data) count += topic.partition_data.size();
  return count;
}

/// The bytes of a request belong to it alone, so that the batch can be stamped where it lies.
bytes::MutableByteSpan writable(const bytes::Buffer& records) {
  return {const_cast<std::byte*>(records.data()), records.size()};
}

}  // namespace

/// One request whose batches are on their way. Recycled.
class ProduceWork final : public Work, public AppendOp::Owner, public Deadline {
 public:
  explicit ProduceWork(ProduceHandler& handler) : handler_(handler) {}

  struct Batch {
    AppendOp op;
    size_t topic = 0;  // places in the response
    size_t partition = 0;
    bool is_pending = false;
    bool is_refused = false;  // it is not appended
    /// From the look-up's begin to resume(). The op's own flag belongs to who drains the partition.
    bool is_looked_up = false;
    std::optional<record::ProduceRules> rules;  // set while it waits for its check
  };

  void start(RequestContext& context, int16_t acks, int32_t timeout_ms) {
    context_ = &context;
    acks_ = acks;
    timeout_ms_ = timeout_ms;
    is_submitted_ = false;
    is_expired_ = false;
    has_failed_ = false;
    pending_ = 0;
    used_ = 0;
  }
  /// A request of more than kBatchesAtOnce is served in parts, one such request at a time; others
  /// of its connection wait.
  Progress leave_admit_in_parts(gen::ProduceRequest request) {
    rest_ = std::move(request);
    context_->is_barrier = true;
    context_->work = this;
    until_ = context_->executor().clock().now() + timeout();
    handler_.in_parts_.push_back(this);
    if (handler_.in_parts_.front() == this) post_next_part();
    return Progress::kWaiting;
  }
  RequestContext& context() { return *context_; }
  int16_t acks() const { return acks_; }
  gen::ProduceResponse& response() { return response_; }

  PartitionAnswer& answer(size_t topic, int32_t index) {
    PartitionAnswer& answer = response_.responses[topic].partition_responses.append();
    answer.index = index;
    return answer;
  }
  void refuse(size_t topic, int32_t index, ErrorCode code, std::string_view message = {}) {
    broker::refuse(answer(topic, index), code, message);
    has_failed_ = true;
  }

  Batch& add_batch(size_t topic, size_t partition) {
    if (used_ == batches_.size()) batches_.push_back(std::make_unique<Batch>());
    Batch& batch = *batches_[used_];
    batch.op.tag = used_++;
    batch.topic = topic;
    batch.partition = partition;
    batch.is_refused = false;
    batch.is_looked_up = false;
    batch.op.owner = this;
    batch.op.acks = acks_;
    batch.op.executor = &context_->executor();
    return batch;
  }
  /// Its records are checked by somebody who may take his time.
  void put_off(Batch& batch, const record::ProduceRules& rules) {
    batch.rules = rules;
    batch.rules->work_max = std::numeric_limits<uint64_t>::max();
    has_put_off_ = true;
  }
  /// On a thread for calculations.
  void check_put_off() {
    record::BatchValidator validator;
    for (size_t i = 0; i < used_; ++i) {
      Batch& batch = *batches_[i];
      if (batch.rules)
        batch.op.verdict = validator.validate(writable(batch.op.records), *batch.rules);
    }
  }
  /// Back on the executor.
  void put_off_is_checked() {
    has_put_off_ = false;
    for (size_t i = 0; i < used_; ++i) {
      Batch& batch = *batches_[i];
      if (batch.rules) judge(batch);
      batch.rules.reset();
    }
    if (count_appended() == 0) return finish();
    handler_.gather(*this);
  }
  /// What the batch's verdict means; a malformed one is answered.
  void judge(Batch& batch) {
    const bool is_malformed =
        batch.op.verdict.standing == record::ProduceVerdict::Standing::kMalformed;
    if (!is_malformed && !batch.op.verdict.facts.is_transactional) return;
    batch.is_refused = true;
    has_failed_ = true;
    PartitionAnswer& answer = answer_to(batch);
    const Error& error = batch.op.verdict.error;
    if (is_malformed)
      broker::refuse(answer, error.code, error.context);
    else
      broker::refuse(answer, ErrorCode::kInvalidTxnState, "The transaction is not ongoing.");
    if (!hides_log_start(static_cast<ErrorCode>(answer.error_code)))
      answer.log_start_offset = batch.op.partition->log().log_start().value;
  }

  /// After admit(): the answer is ready, or comes later.
  Progress leave_admit() {
    if (count_appended() == 0) return complete();
    context_->work = this;
    if (has_put_off_) context_->is_barrier = true;
    send_on();
    return Progress::kWaiting;
  }
  size_t count_appended() const {
    return static_cast<size_t>(std::count_if(batches_.begin(),
                                             batches_.begin() + static_cast<ptrdiff_t>(used_),
                                             [](const auto& batch) { return !batch->is_refused; }));
  }

  /// Bytes of its batches.
  size_t size() const {
    size_t bytes = 0;
    for (size_t i = 0; i < used_; ++i) bytes += batches_[i]->op.verdict.batch.size();
    return bytes;
  }
  /// Puts the batches into their partitions' queues, which nobody drains yet.
  void enqueue() {
    for (size_t i = 0; i < used_; ++i) {
      Batch& batch = *batches_[i];
      if (batch.is_refused) continue;
      batch.is_pending = true;
      ++pending_;
      batch.op.partition->enqueue(batch.op);
    }
  }
  /// `last` is the partition that was drained last.
  void drain_partitions(const replica::Partition*& last) {
    for (size_t i = 0; i < used_; ++i) {
      replica::Partition* partition = batches_[i]->op.partition.get();
      if (partition != std::exchange(last, partition)) partition->drain();
    }
  }
  /// The queues were drained: what is not settled by now waits.
  void submitted() {
    is_submitted_ = true;
    for (size_t i = 0; i < used_; ++i) {
      Batch& batch = *batches_[i];
      if (!batch.is_refused && replica::Partition::submitted(batch.op)) settle(batch);
    }
    if (pending_ == 0) return finish();
    if (is_expired_) return on_deadline();
    if (acks_ == 0) return;
    handler_.deadlines_->set(
        *this, is_in_parts() ? until_ : context_->executor().clock().now() + timeout());
  }

  /// Nobody reads the answer: what still waits for replicas or a flush need not.
  void cancel() override {
    handler_.deadlines_->remove(*this);
    if (!is_expired_) on_deadline();
  }

  void on_settled(AppendOp& op) override {
    settle(*batches_[op.tag]);
    if (pending_ == 0) finish();
  }

  void on_deadline() override {
    is_expired_ = true;
    if (!is_submitted_) return;
    for (size_t i = 0; i < used_; ++i) {
      Batch& batch = *batches_[i];
      if (batch.is_pending && !batch.is_looked_up) batch.op.partition->expire(batch.op);
    }
  }

 private:
  struct NextPart final : rt::Mail {
    explicit NextPart(ProduceWork& w) : work(w) {}
    void run() override { work.begin_part(); }
    ProduceWork& work;
  };

  bool is_in_parts() const { return !rest_.topic_data.empty(); }
  rt::Duration timeout() const { return std::chrono::milliseconds(std::max(timeout_ms_, 0)); }
  void send_on() {
    if (has_put_off_)
      handler_.check_later(*this);
    else
      handler_.gather(*this);
  }
  void begin_part() {
    is_submitted_ = false;
    used_ = 0;
    const replica::PartitionTable& table = handler_.table_.refresh();
    size_t room = kBatchesAtOnce;
    while (room > 0 && topic_at_ < rest_.topic_data.size()) {
      const ProduceHandler::Range range{partition_at_, partition_at_ + room};
      const size_t served = handler_.admit_topic(*this, rest_.topic_data[topic_at_], range, table);
      room -= served;
      partition_at_ += served;
      if (partition_at_ < rest_.topic_data[topic_at_].partition_data.size()) continue;
      ++topic_at_;
      partition_at_ = 0;
    }
    if (count_appended() == 0) return finish();
    send_on();
  }
  void post_next_part() { context_->executor().post(next_part_); }
  /// The next part of the request, if it has one, comes after what else the reactor has to do.
  bool goes_on() {
    if (topic_at_ >= rest_.topic_data.size()) return false;
    handler_.deadlines_->remove(*this);
    is_submitted_ = false;
    for (size_t i = 0; i < used_; ++i) batches_[i]->op.clear();
    post_next_part();
    return true;
  }

  void settle(Batch& batch) {
    if (batch.op.needs_look_up) return look_up(batch);
    batch.is_pending = false;
    --pending_;
    replica::AppendOutcome& outcome = batch.op.outcome;
    PartitionAnswer& answer = answer_to(batch);
    answer.error_code = wire_code(outcome.code);
    answer.base_offset = outcome.base_offset.value;
    answer.log_append_time_ms = outcome.append_time_ms;
    answer.log_start_offset = hides_log_start(outcome.code) ? -1 : outcome.log_start.value;
    if (outcome.code == ErrorCode::kNone) return;
    has_failed_ = true;
    if (!outcome.message.empty()) answer.error_message = std::move(outcome.message);
    for (const record::RecordError& error : batch.op.verdict.record_errors) {
      auto& listed = answer.record_errors.append();
      listed.batch_index = error.index;
      listed.batch_index_error_message = error.message;
    }
    if (outcome.code == ErrorCode::kNotLeaderOrFollower) hint(batch, answer);
  }

  PartitionAnswer& answer_to(const Batch& batch) {
    return response_.responses[batch.topic].partition_responses[batch.partition];
  }

  void hint(const Batch& batch, PartitionAnswer& answer) {
    constexpr int16_t kFirstWithLeader = 10;
    if (context_->header.version < kFirstWithLeader) return;
    const cluster::ImagePtr image = handler_.services_.images.current();
    const TopicPartition& name = batch.op.partition->name();
    hint_leader({*image, image->partition(name.topic, name.partition),
                 handler_.services_.facts.self, context_->connection().listener},
                answer, response_.node_endpoints);
  }

  void look_up(Batch& batch) {
    batch.is_looked_up = true;
    rt::Disk& disk = *handler_.services_.runtime.disk;
    disk.run_blocking([&batch] { batch.op.partition->look_up(batch.op); }, context_->executor(),
                      [this, &batch] {
                        batch.is_looked_up = false;
                        if (batch.op.partition->resume(batch.op)) {
                          settle(batch);
                          if (pending_ == 0) finish();
                        } else if (is_expired_) {
                          batch.op.partition->expire(batch.op);
                        }
                      });
  }

  void leave_parts() {
    rest_ = {};
    topic_at_ = partition_at_ = 0;
    handler_.in_parts_.pop_front();
    if (!handler_.in_parts_.empty()) handler_.in_parts_.front()->post_next_part();
  }

  Progress complete() {
    handler_.deadlines_->remove(*this);
    Progress progress = Progress::kReady;
    if (acks_ != 0) {
      context_->respond(response_);
    } else {
      context_->response.fate = Response::Fate::kNone;
      if (has_failed_) progress = Progress::kClose;
    }
    for (size_t i = 0; i < used_; ++i) batches_[i]->op.clear();
    if (batches_.size() > kKeptBatches) batches_.resize(kKeptBatches);
    if (is_in_parts()) leave_parts();
    response_.reset();
    context_ = nullptr;
    handler_.pool_.give_back(*this);
    return progress;
  }

  void finish() {
    if (goes_on()) return;
    RequestContext& context = *context_;
    const Progress progress = complete();
    if (progress == Progress::kClose) context.response.fate = Response::Fate::kClose;
    context.finish();
  }

  ProduceHandler& handler_;
  RequestContext* context_ = nullptr;
  gen::ProduceResponse response_;
  gen::ProduceRequest rest_;  // of a request in parts; begun at:
  size_t topic_at_ = 0;
  size_t partition_at_ = 0;
  rt::Instant until_;  // of a request in parts
  NextPart next_part_{*this};
  std::vector<std::unique_ptr<Batch>> batches_;
  size_t used_ = 0;
  size_t pending_ = 0;
  int16_t acks_ = -1;
  int32_t timeout_ms_ = 0;
  bool has_put_off_ = false;
  bool is_submitted_ = false;
  bool is_expired_ = false;
  bool has_failed_ = false;
};

ProduceHandler::ProduceHandler(const Services& services, std::shared_ptr<Deadlines> deadlines)
    : services_(services), deadlines_(std::move(deadlines)), table_(services.table) {}

ProduceHandler::~ProduceHandler() = default;

Progress ProduceHandler::admit(RequestContext& context) {
  const bytes::Buffer body = context.body();
  bytes::Reader reader(body);
  const auto decoded = request_.decode(reader, context.header.version);
  if (!decoded) {
    log_info("api", "{} sent a malformed Produce: {}", context.connection().peer.to_text(),
             decoded.error().context);
    request_.reset();
    return Progress::kClose;
  }
  const size_t partitions = count_partitions(request_);
  if (partitions > kPartitionsMax) {
    log_info("api", "{} sent a Produce of too many partitions",
             context.connection().peer.to_text());
    request_.reset();
    return Progress::kClose;
  }
  if (!context.claim(memory_for_batches(partitions))) {
    request_.reset();
    return Progress::kNeedsMemory;
  }
  ProduceWork& work = pool_.take([this] { return std::make_unique<ProduceWork>(*this); });
  work.start(context, request_.acks, request_.timeout_ms);
  if (partitions > kBatchesAtOnce) {
    serve_gathered();
    context.drop_frame();
    return work.leave_admit_in_parts(std::exchange(request_, {}));
  }
  const replica::PartitionTable& table = table_.refresh();
  for (TopicData& topic : request_.topic_data) admit_topic(work, topic, {}, table);
  request_.reset();
  context.drop_frame();
  return work.leave_admit();
}

// One at a time, so that those who send much to unpack share one thread of the pool.
void ProduceHandler::check_later(ProduceWork& work) {
  to_check_.push_back(&work);
  if (to_check_.size() == 1) check_next();
}

void ProduceHandler::check_next() {
  ProduceWork& work = *to_check_.front();
  services_.runtime.disk->run_calculation([&work] { work.check_put_off(); },
                                          work.context().executor(),
                                          [this, &work] {
                                            to_check_.pop_front();
                                            if (!to_check_.empty()) check_next();
                                            work.put_off_is_checked();
                                          });
}

void ProduceHandler::gather(ProduceWork& work) {
  gathered_.push_back(&work);
  gathered_bytes_ += work.size();
  if (gathered_.size() >= kGatheredMax || gathered_bytes_ >= kGatheredBytesMax)
    return serve_gathered();
  if (std::exchange(pass_end_is_out_, true)) return;
  work.context().executor().post_last(pass_end_);
}

// All are queued before any partition is drained: who drains finds the batches of all of them. An
// op that another thread has settled meanwhile is still held by its submitter.
void ProduceHandler::serve_gathered() {
  std::swap(gathered_, serving_);
  gathered_bytes_ = 0;
  for (ProduceWork* work : serving_) work->enqueue();
  const replica::Partition* last = nullptr;
  for (ProduceWork* work : serving_) work->drain_partitions(last);
  for (ProduceWork* work : serving_) work->submitted();
  serving_.clear();
}

size_t ProduceHandler::admit_topic(ProduceWork& work, TopicData& topic, Range range,
                                   const replica::PartitionTable& table) {
  const RequestContext& context = work.context();
  constexpr int16_t kFirstWithIds = 13;
  const bool by_id = context.header.version >= kFirstWithIds;
  const replica::TopicEntry* entry = by_id ? table.find(topic.topic_id) : table.find(topic.name);
  if (range.begin == 0) {
    auto& answer = work.response().responses.append();
    if (by_id)
      answer.topic_id = topic.topic_id;
    else
      answer.name = topic.name;
  }
  const size_t topic_at = work.response().responses.size() - 1;

  const ErrorCode code = check_topic(work, topic, entry);
  const size_t end = std::min(range.end, topic.partition_data.size());
  for (size_t i = range.begin; i < end; ++i) {
    PartitionData& data = topic.partition_data[i];
    if (code != ErrorCode::kNone)
      work.refuse(topic_at, data.index, code);
    else
      admit_partition(work, topic_at, data, *entry);
  }
  return end - range.begin;
}

ErrorCode ProduceHandler::check_topic(ProduceWork& work, const TopicData& topic,
                                      const replica::TopicEntry* entry) const {
  const RequestContext& context = work.context();
  if (work.acks() < -1 || work.acks() > 1) return ErrorCode::kInvalidRequiredAcks;
  if (entry == nullptr) return code_of_unknown(context, topic);
  if (!services_.authorizer.allows(context.connection().principal, security::Operation::kWrite,
                                   security::ResourceType::kTopic, entry->name))
    return ErrorCode::kTopicAuthorizationFailed;
  if (is_internal_topic(entry->name) && context.client_id() != "__admin_client")
    return ErrorCode::kInvalidTopicException;
  return ErrorCode::kNone;
}

ErrorCode ProduceHandler::code_of_unknown(const RequestContext& context,
                                          const TopicData& topic) const {
  constexpr int16_t kFirstWithIds = 13;
  const cluster::ImagePtr image = services_.images.current();
  if (context.header.version >= kFirstWithIds) {
    return image->topic(topic.topic_id) != nullptr ? ErrorCode::kNotLeaderOrFollower
                                                   : ErrorCode::kUnknownTopicId;
  }
  return image->topic(topic.name) != nullptr ? ErrorCode::kNotLeaderOrFollower
                                             : ErrorCode::kUnknownTopicOrPartition;
}

void ProduceHandler::admit_partition(ProduceWork& work, size_t topic_at, PartitionData& data,
                                     const replica::TopicEntry& entry) {
  if (!entry.has_partition(data.index))
    return work.refuse(topic_at, data.index, ErrorCode::kUnknownTopicOrPartition);
  const auto& partition = entry.partitions[static_cast<size_t>(data.index)];
  if (partition == nullptr)
    return work.refuse(topic_at, data.index, ErrorCode::kNotLeaderOrFollower);

  auto& answers = work.response().responses[topic_at].partition_responses;
  ProduceWork::Batch& batch = work.add_batch(topic_at, answers.size());
  AppendOp& op = batch.op;
  op.records = data.records.take();
  record::ProduceRules rules;
  rules.partition = partition->text();
  rules.produce_version = work.context().header.version;
  rules.batch_size_max = entry.settings.batch_size_max;
  rules.timestamp_type = entry.settings.timestamp_type;
  rules.timestamp_before_max_ms = entry.settings.timestamp_before_max_ms;
  rules.timestamp_after_max_ms = entry.settings.timestamp_after_max_ms;
  rules.keys_are_required = entry.settings.log.compacts;
  rules.codec = entry.settings.codec;
  rules.level = entry.settings.level;
  rules.now_ms = services_.runtime.clock->unix_ms();
  rules.work_max = kWorkAtOnceMax;
  op.partition = partition;
  op.stamps_append_time = entry.settings.timestamp_type == record::TimestampType::kLogAppendTime;
  op.verdict = validator_.validate(writable(op.records), rules);
  work.answer(topic_at, data.index);
  if (op.verdict.standing == record::ProduceVerdict::Standing::kPutOff)
    work.put_off(batch, rules);
  else
    work.judge(batch);
}

}  // namespace semel::api::broker
