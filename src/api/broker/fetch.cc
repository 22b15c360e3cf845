#include "api/broker/fetch.h"

#include <algorithm>
#include <atomic>

#include "api/broker/leader_hint.h"
#include "api/wire_code.h"
#include "base/log.h"
#include "base/units.h"
#include "bytes/reader.h"

namespace semel::api::broker {
namespace {

constexpr int16_t kFirstWithIds = 13;
constexpr int16_t kFirstWithLeader = 12;
constexpr int16_t kFirstWithEndpoints = 16;
/// More partitions than any client has; what their answers would take is not bounded by the frame.
constexpr size_t kPartitionsMax = 100'000;
/// State that a recycled request keeps.
constexpr size_t kKeptItems = 256;
/// An Item, its target, its answer, and what the decoder made of it.
constexpr size_t kMemoryPerPartition = 640;
constexpr int32_t kFinalEpoch = -1;
constexpr int32_t kInitialEpoch = 0;

using PartitionAnswer = gen::FetchResponse::PartitionData;

}  // namespace

/// One Fetch, from its first read to its answer. Recycled.
class FetchWork final : public Work, public Deadline {
 public:
  explicit FetchWork(FetchHandler& handler) : handler_(handler) {}

  /// One partition of the request.
  class Item final : public replica::ReadWaiter {
   public:
    void on_readable(int64_t bytes) override { work->on_readable(bytes); }

    FetchWork* work = nullptr;
    std::shared_ptr<replica::Partition> partition;  // null: `code` is the answer
    ErrorCode code = ErrorCode::kNone;
    size_t target = 0;
    replica::ReadAnswer answer;
  };

  void start(RequestContext& context, const gen::FetchRequest& request);
  /// Resolves targets_ into items.
  void resolve();
  Progress leave_admit();
  Progress refuse(ErrorCode code);
  /// The version decides: topics are named by id, or by name.
  bool uses_topic_ids() const { return context_->header.version >= kFirstWithIds; }

  /// Its time is up.
  void expire() {
    if (!is_expired_) on_deadline();
  }
  void cancel() override {
    is_cancelled_ = true;
    wake();
  }
  void on_deadline() override {
    is_expired_ = true;
    wake();
  }

  // What the session decided.
  std::vector<FetchTarget> targets;
  SharedSession session;
  bool is_incremental = false;
  int32_t epoch = kFinalEpoch;  // of an incremental request

 private:
  struct Wake final : rt::Mail {
    explicit Wake(FetchWork& w) : work(w) {}
    void run() override { work.on_wake(); }
    FetchWork& work;
  };

  Item& add_item();
  void resolve_target(const replica::PartitionTable& table, const FetchTarget& target, Item& item);
  bool may_read(std::string_view topic) const;
  /// Reads everything; true if the answer should go out now.
  bool read();
  void watch(bool on);
  /// Any thread.
  void on_readable(int64_t bytes);
  void wake();
  void on_wake();
  /// Cold ranges are read on the I/O pool first; true if that has to happen.
  bool warm_up();
  void stop_polling();
  Progress complete();
  void finish();
  void fill_response();
  void fill_item(Item& item, PartitionAnswer& answer);
  void put_records(const rt::FileRange& range, PartitionAnswer& answer);

  FetchHandler& handler_;
  RequestContext* context_ = nullptr;
  int32_t bytes_max_ = 0;
  int32_t bytes_min_ = 0;
  int32_t wait_max_ms_ = 0;
  replica::Isolation isolation_ = replica::Isolation::kUncommitted;
  bool is_follower_ = false;

  std::vector<std::unique_ptr<Item>> items_;
  size_t used_ = 0;
  static constexpr size_t kNotPolling = ~size_t{0};
  size_t polling_at_ = kNotPolling;  // its place in the handler's list
  int64_t bytes_read_ = 0;
  gen::FetchResponse response_;

  std::atomic<int64_t> missing_{0};
  std::atomic<bool> wake_is_out_{false};
  Wake wake_{*this};
  bool is_watching_ = false;
  bool is_expired_ = false;
  bool is_cancelled_ = false;
};

void FetchWork::start(RequestContext& context, const gen::FetchRequest& request) {
  context_ = &context;
  bytes_max_ = std::clamp(request.max_bytes, 0, handler_.services_.facts.fetch_bytes_max);
  bytes_min_ = std::max(request.min_bytes, 0);
  wait_max_ms_ = request.max_wait_ms;
  isolation_ = request.isolation_level == 1 ? replica::Isolation::kCommitted
                                            : replica::Isolation::kUncommitted;
  is_follower_ = request.replica_id >= 0 || request.replica_state.replica_id >= 0;
  used_ = 0;
  is_expired_ = false;
  is_cancelled_ = false;
  is_incremental = false;
  epoch = kFinalEpoch;
}

FetchWork::Item& FetchWork::add_item() {
  if (used_ == items_.size()) items_.push_back(std::make_unique<Item>());
  Item& item = *items_[used_++];
  item.work = this;
  item.code = ErrorCode::kNone;
  return item;
}

bool FetchWork::may_read(std::string_view topic) const {
  return handler_.services_.authorizer.allows(context_->connection().principal,
                                              security::Operation::kRead,
                                              security::ResourceType::kTopic, topic);
}

void FetchWork::resolve() {
  const replica::PartitionTable& table = handler_.table_.refresh();
  for (size_t i = 0; i < targets.size(); ++i) {
    Item& item = add_item();
    item.target = i;
    resolve_target(table, targets[i], item);
  }
}

void FetchWork::resolve_target(const replica::PartitionTable& table, const FetchTarget& target,
                               Item& item) {
  const bool by_id = uses_topic_ids();
  const replica::TopicEntry* entry = by_id ? table.find(target.topic_id) : table.find(target.topic);
  if (entry == nullptr) {
    const cluster::ImagePtr image = handler_.services_.images.current();
    const cluster::TopicPtr topic =
        by_id ? image->topic(target.topic_id) : image->topic(target.topic);
    if (topic == nullptr)
      item.code = by_id ? ErrorCode::kUnknownTopicId : ErrorCode::kUnknownTopicOrPartition;
    else if (topic->partition(PartitionIndex{target.partition}) == nullptr)
      item.code = ErrorCode::kUnknownTopicOrPartition;
    else
      item.code = ErrorCode::kNotLeaderOrFollower;
    return;
  }
  if (!may_read(entry->name))
    item.code = ErrorCode::kTopicAuthorizationFailed;
  else if (!entry->has_partition(target.partition))
    item.code = ErrorCode::kUnknownTopicOrPartition;
  // Followers are not tracked: their fetches must not pass for consumers'.
  else if (is_follower_)
    item.code = ErrorCode::kUnknownLeaderEpoch;
  if (item.code != ErrorCode::kNone) return;
  item.partition = entry->partitions[static_cast<size_t>(target.partition)];
  if (item.partition == nullptr) item.code = ErrorCode::kNotLeaderOrFollower;
}

bool FetchWork::read() {
  bytes_read_ = 0;
  bool is_urgent = used_ == 0;
  int64_t left = bytes_max_;
  for (size_t i = 0; i < used_; ++i) {
    Item& item = *items_[i];
    item.answer = {};
    item.answer.code = item.code;
    if (item.partition != nullptr) {
      const FetchTarget& target = targets[item.target];
      replica::ReadQuery query;
      query.from = Offset{target.fetch_offset};
      query.bytes_max =
          static_cast<int32_t>(std::min<int64_t>(left, std::max(target.bytes_max, 0)));
      query.current_epoch = LeaderEpoch{target.current_leader_epoch};
      query.last_fetched_epoch = LeaderEpoch{target.last_fetched_epoch};
      query.isolation = isolation_;
      query.at_least_one = bytes_read_ == 0;
      item.answer = item.partition->read(query);
    }
    const auto size = static_cast<int64_t>(item.answer.range.size);
    bytes_read_ += size;
    left = std::max<int64_t>(left - size, 0);
    is_urgent = is_urgent || item.answer.code != ErrorCode::kNone || item.answer.diverging;
  }
  return is_urgent || bytes_read_ >= bytes_min_;
}

Progress FetchWork::leave_admit() {
  if (read() || wait_max_ms_ <= 0) {
    if (!warm_up()) return complete();
    context_->work = this;
    return Progress::kWaiting;
  }
  context_->work = this;
  handler_.deadlines_->set(
      *this, context_->executor().clock().now() + std::chrono::milliseconds(wait_max_ms_));
  polling_at_ = handler_.polling_.size();
  handler_.polling_.push_back(this);
  watch(true);
  if (!read()) return Progress::kWaiting;
  watch(false);
  if (wake_is_out_.load(std::memory_order_acquire) || warm_up()) return Progress::kWaiting;
  return complete();
}

void FetchWork::watch(bool on) {
  is_watching_ = on;
  if (on) missing_.store(bytes_min_ - bytes_read_, std::memory_order_release);
  for (size_t i = 0; i < used_; ++i) {
    Item& item = *items_[i];
    if (item.partition == nullptr) continue;
    if (on)
      item.partition->waiters().add(item);
    else
      item.partition->waiters().remove(item);
  }
}

void FetchWork::on_readable(int64_t bytes) {
  if (missing_.fetch_sub(bytes, std::memory_order_acq_rel) <= bytes) wake();
}

void FetchWork::wake() {
  if (!wake_is_out_.exchange(true, std::memory_order_acq_rel)) context_->executor().post(wake_);
}

void FetchWork::on_wake() {
  if (is_watching_) watch(false);
  // Nobody is left who could post it again, except cancel() and the deadline on this executor.
  wake_is_out_.store(false, std::memory_order_release);
  const bool is_over = is_expired_ || is_cancelled_;
  if (!read() && !is_over) {
    watch(true);
    if (!read()) return;
    watch(false);
    if (wake_is_out_.load(std::memory_order_acquire)) return;
  }
  if (is_cancelled_ || !warm_up()) finish();
}

bool FetchWork::warm_up() {
  std::vector<rt::FileRange> cold;
  for (size_t i = 0; i < used_; ++i) {
    const replica::ReadAnswer& answer = items_[i]->answer;
    const rt::FileRange& range = answer.range;
    if (range.size > 0 && !answer.is_fresh && !range.file->is_cached(range.at, range.size))
      cold.push_back(range);
  }
  if (cold.empty()) return false;
  handler_.deadlines_->remove(*this);
  // From here on nothing may wake it: the answer is what was read.
  wake_is_out_.store(true, std::memory_order_release);
  handler_.services_.runtime.disk->run_blocking(
      [ranges = std::move(cold)] {
        std::vector<std::byte> window(256_KiB);
        for (const rt::FileRange& range : ranges) {
          for (uint64_t done = 0; done < range.size; done += window.size()) {
            const auto part = std::min<uint64_t>(window.size(), range.size - done);
            if (!range.file->pread(range.at + done, {window.data(), part})) break;
          }
        }
      },
      context_->executor(),
      [this] {
        wake_is_out_.store(false, std::memory_order_release);
        finish();
      });
  return true;
}

void FetchWork::put_records(const rt::FileRange& range, PartitionAnswer& answer) {
  auto& files = context_->response.files;
  answer.records = wire::Records::external(static_cast<uint32_t>(files.size()),
                                           static_cast<uint32_t>(range.size));
  files.push_back(range);
}

void FetchWork::fill_item(Item& item, PartitionAnswer& answer) {
  const replica::ReadAnswer& read = item.answer;
  const FetchTarget& target = targets[item.target];
  answer.partition_index = target.partition;
  answer.error_code = wire_code(read.code);
  answer.high_watermark = read.high_watermark.value;
  answer.last_stable_offset = read.last_stable.value;
  answer.log_start_offset = read.log_start.value;
  answer.records = wire::Records(bytes::Buffer());
  if (read.diverging) {
    answer.diverging_epoch.epoch = read.diverging->epoch.value;
    answer.diverging_epoch.end_offset = read.diverging->end_offset.value;
  }
  answer.aborted_transactions.set_null();
  if (isolation_ == replica::Isolation::kCommitted && read.code == ErrorCode::kNone) {
    answer.aborted_transactions.clear();
    for (const log::AbortedTransaction& aborted : read.aborted) {
      auto& listed = answer.aborted_transactions.append();
      listed.producer_id = aborted.producer_id.value;
      listed.first_offset = aborted.first_offset.value;
    }
  }
  if (read.range.size > 0) put_records(read.range, answer);
  const bool asked_wrongly =
      read.code == ErrorCode::kNotLeaderOrFollower || read.code == ErrorCode::kFencedLeaderEpoch;
  if (!asked_wrongly || context_->header.version < kFirstWithLeader) return;
  const cluster::ImagePtr image = handler_.services_.images.current();
  const cluster::TopicPtr topic =
      target.topic.empty() ? image->topic(target.topic_id) : image->topic(target.topic);
  if (topic == nullptr) return;
  hint_leader({*image, topic->partition(PartitionIndex{target.partition}),
               handler_.services_.facts.self, context_->connection().listener},
              answer, response_.node_endpoints);
  if (context_->header.version < kFirstWithEndpoints) response_.node_endpoints.clear();
}

void FetchWork::fill_response() {
  const bool by_id = uses_topic_ids();
  const FetchTarget* last = nullptr;
  for (size_t i = 0; i < used_; ++i) {
    Item& item = *items_[i];
    const FetchTarget& target = targets[item.target];
    if (session != nullptr) {
      FetchTold told;
      told.high_watermark = item.answer.high_watermark.value;
      told.log_start = item.answer.log_start.value;
      told.was_error = item.answer.code != ErrorCode::kNone || item.answer.diverging.has_value();
      const bool is_news = session->with([&](FetchSession& state) {
        return state.note(target, told, item.answer.range.size > 0);
      });
      if (is_incremental && !is_news) continue;
    }
    if (last == nullptr || last->topic != target.topic || last->topic_id != target.topic_id) {
      auto& topic = response_.responses.append();
      if (by_id)
        topic.topic_id = target.topic_id;
      else
        topic.topic = target.topic;
    }
    last = &target;
    fill_item(item, response_.responses.back().partitions.append());
  }
  if (session != nullptr)
    response_.session_id = session->with([](const FetchSession& state) { return state.id(); });
}

void FetchWork::stop_polling() {
  if (polling_at_ == kNotPolling) return;
  handler_.polling_[polling_at_] = handler_.polling_.back();
  handler_.polling_[polling_at_]->polling_at_ = polling_at_;
  handler_.polling_.pop_back();
  polling_at_ = kNotPolling;
}

Progress FetchWork::complete() {
  handler_.deadlines_->remove(*this);
  stop_polling();
  if (!is_cancelled_) {
    fill_response();
    context_->respond(response_);
  }
  response_.reset();
  for (size_t i = 0; i < used_; ++i) {
    items_[i]->partition.reset();
    items_[i]->answer = {};
  }
  used_ = 0;
  if (items_.size() > kKeptItems) items_.resize(kKeptItems);
  session.reset();
  targets.clear();
  if (targets.capacity() > kKeptItems) targets.shrink_to_fit();
  context_ = nullptr;
  handler_.pool_.give_back(*this);
  return Progress::kReady;
}

void FetchWork::finish() {
  RequestContext& context = *context_;
  complete();
  context.finish();
}

Progress FetchWork::refuse(ErrorCode code) {
  response_.error_code = wire_code(code);
  session.reset();
  targets.clear();
  return complete();
}

FetchHandler::FetchHandler(const Services& services, std::shared_ptr<Deadlines> deadlines)
    : services_(services), deadlines_(std::move(deadlines)), table_(services.table) {}

FetchHandler::~FetchHandler() = default;

Progress FetchHandler::admit(RequestContext& context) {
  const bytes::Buffer body = context.body();
  bytes::Reader reader(body);
  const auto decoded = request_.decode(reader, context.header.version);
  if (!decoded) {
    log_info("api", "{} sent a malformed Fetch: {}", context.connection().peer.to_text(),
             decoded.error().context);
    request_.reset();
    return Progress::kClose;
  }
  size_t partitions = 0;
  for (const auto& topic : request_.topics) partitions += topic.partitions.size();
  if (partitions > kPartitionsMax) {
    log_info("api", "{} sent a Fetch of too many partitions", context.connection().peer.to_text());
    request_.reset();
    return Progress::kClose;
  }
  const bool goes_on =
      request_.session_epoch != kInitialEpoch && request_.session_epoch != kFinalEpoch;
  if (goes_on) partitions += services_.fetch_sessions.partitions_of(request_.session_id);
  if (!context.claim(kMemoryPerRequest + partitions * kMemoryPerPartition)) {
    request_.reset();
    return Progress::kNeedsMemory;
  }
  FetchWork& work = pool_.take([this] { return std::make_unique<FetchWork>(*this); });
  work.start(context, request_);
  list_request(request_, work.targets);
  const ErrorCode code = goes_on ? continue_session(work) : open_session(work);
  request_.reset();
  context.drop_frame();
  if (code != ErrorCode::kNone) return work.refuse(code);
  work.resolve();
  return work.leave_admit();
}

void FetchHandler::relieve() {
  for (FetchWork* work : polling_) work->expire();
}

void FetchHandler::list_request(const gen::FetchRequest& request,
                                std::vector<FetchTarget>& targets) {
  for (const auto& topic : request.topics) {
    for (const auto& partition : topic.partitions) {
      FetchTarget& target = targets.emplace_back();
      target.topic = topic.topic;
      target.topic_id = topic.topic_id;
      target.partition = partition.partition;
      target.current_leader_epoch = partition.current_leader_epoch;
      target.fetch_offset = partition.fetch_offset;
      target.last_fetched_epoch = partition.last_fetched_epoch;
      target.bytes_max = partition.partition_max_bytes;
    }
  }
}

void FetchHandler::list_forgotten(const gen::FetchRequest& request,
                                  std::vector<FetchTarget>& targets) {
  for (const auto& topic : request.forgotten_topics_data) {
    for (const int32_t partition : topic.partitions) {
      FetchTarget& target = targets.emplace_back();
      target.topic = topic.topic;
      target.topic_id = topic.topic_id;
      target.partition = partition;
    }
  }
}

ErrorCode FetchHandler::open_session(FetchWork& work) {
  if (request_.session_id != 0) services_.fetch_sessions.remove(request_.session_id);
  if (request_.session_epoch == kFinalEpoch) return ErrorCode::kNone;
  const bool is_follower = request_.replica_id >= 0 || request_.replica_state.replica_id >= 0;
  work.session = services_.fetch_sessions.create(work.uses_topic_ids(), is_follower, work.targets);
  return ErrorCode::kNone;
}

ErrorCode FetchHandler::continue_session(FetchWork& work) {
  work.session = services_.fetch_sessions.find(request_.session_id);
  if (work.session == nullptr) return ErrorCode::kFetchSessionIdNotFound;
  const bool uses_ids = work.uses_topic_ids();
  std::vector<FetchTarget> forgotten;
  list_forgotten(request_, forgotten);
  bool is_empty = false;
  const ErrorCode code = work.session->with([&](FetchSession& session) {
    if (request_.session_epoch != session.next_epoch()) return ErrorCode::kInvalidFetchSessionEpoch;
    if (session.uses_topic_ids() != uses_ids) return ErrorCode::kFetchSessionTopicIdError;
    if (!session.change(work.targets, forgotten)) return ErrorCode::kFetchSessionIdNotFound;
    session.advance_epoch();
    work.targets.clear();
    session.for_each([&](const FetchTarget& target) { work.targets.push_back(target); });
    is_empty = session.size() == 0;
    return ErrorCode::kNone;
  });
  if (code == ErrorCode::kFetchSessionIdNotFound)
    services_.fetch_sessions.remove(request_.session_id);
  if (code != ErrorCode::kNone) return code;
  work.is_incremental = true;
  if (is_empty) {
    services_.fetch_sessions.remove(request_.session_id);
    work.session.reset();
  }
  return ErrorCode::kNone;
}

}  // namespace semel::api::broker
