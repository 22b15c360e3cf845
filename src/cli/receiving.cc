#include "cli/receiving.h"

#include <algorithm>
#include <map>
#include <regex>

#include <fmt/format.h>

namespace semel::cli {
namespace {

/// For a topic that is being created, and for one that nobody will create.
constexpr auto kPatience = std::chrono::seconds(10);
constexpr auto kLittlePatience = std::chrono::seconds(2);

using OnRecord = std::function<void(const client::ConsumedRecord&)>;

class Receiver {
 public:
  Receiver(ClientSession& session, client::ConsumerConfig config, const ReceivePlan& plan,
           const OnRecord& on_record, const std::function<void()>& on_pause)
      : session_(session),
        plan_(plan),
        on_record_(on_record),
        on_pause_(on_pause),
        token_(session.stop().token()),
        patience_(config.may_create_topics ? kPatience : kLittlePatience),
        consumer_(session.environment(), std::move(config)) {}

  rt::Task<Result<ReceiveEnd>> run() {
    auto begun = co_await begin();
    Result<ReceiveEnd> end = ReceiveEnd::kStopped;
    if (begun) {
      auto ended = co_await read();
      end = std::move(ended);
    } else {
      end = fail(begun.error());
    }
    co_await consumer_.close();
    co_return end;
  }

 private:
  rt::Instant now() { return session_.executor().clock().now(); }
  rt::WaitLimits patience() { return {now() + patience_, &token_}; }

  rt::Task<Result<void>> begin() {
    std::vector<TopicPartition> assigned;
    for (const std::string& topic : plan_.topics) {
      auto count = co_await consumer_.partitions_of(topic, patience());
      if (!count) co_return fail(count.error());
      if (plan_.partition && (*plan_.partition < 0 || *plan_.partition >= *count))
        co_return fail(ErrorCode::kUnknownTopicOrPartition,
                       fmt::format("topic {} has no partition {}; it has {}, numbered from 0",
                                   topic, *plan_.partition, *count));
      for (int32_t i = 0; i < *count; ++i)
        if (!plan_.partition || *plan_.partition == i)
          assigned.push_back({topic, PartitionIndex{i}});
    }
    consumer_.assign(assigned);
    for (const TopicPartition& partition : assigned) {
      if (plan_.offset)
        consumer_.seek(partition, Offset{*plan_.offset});
      else
        consumer_.seek_to_time(partition, plan_.time);
      if (!plan_.until_end) continue;
      auto end = co_await consumer_.offset_at(partition, client::kLatestOffset, patience());
      if (!end) co_return fail(end.error());
      ends_[partition] = *end;
    }
    co_return Result<void>{};
  }

  bool is_at_end() const {
    return std::all_of(ends_.begin(), ends_.end(), [&](const auto& end) {
      return consumer_.position(end.first) >= end.second;
    });
  }

  rt::Task<Result<ReceiveEnd>> read() {
    while (true) {
      if (token_.is_cancelled()) co_return ReceiveEnd::kStopped;
      if (plan_.records_max && count_ >= *plan_.records_max) co_return ReceiveEnd::kEnough;
      if (plan_.until_end && is_at_end()) co_return ReceiveEnd::kAtEnd;
      // A short wait where the end is looked for: the position may reach it without a record.
      const auto wait = plan_.until_end ? client::Milliseconds{200}
                                        : plan_.idle_max.value_or(client::Milliseconds{60'000});
      auto visited = co_await consumer_.poll(
          {now() + wait, &token_}, [this](const client::ConsumedRecord& record) {
            if (is_behind_end(record)) return true;
            on_record_(record);
            ++count_;
            return !plan_.records_max || count_ < *plan_.records_max;
          });
      on_pause_();
      if (!visited) co_return fail(visited.error());
      if (*visited == 0 && plan_.idle_max && !plan_.until_end && !token_.is_cancelled())
        co_return ReceiveEnd::kIdle;
    }
  }

  bool is_behind_end(const client::ConsumedRecord& record) const {
    if (!plan_.until_end) return false;
    const auto end = ends_.find({std::string(record.topic), PartitionIndex{record.partition}});
    return end != ends_.end() && record.record.offset >= end->second;
  }

  ClientSession& session_;
  const ReceivePlan& plan_;
  const OnRecord& on_record_;
  const std::function<void()>& on_pause_;
  rt::CancelToken token_;
  rt::Duration patience_;
  client::Consumer consumer_;
  std::map<TopicPartition, Offset> ends_;
  uint64_t count_ = 0;
};

rt::Task<Result<ReceiveEnd>> drive(ClientSession& session, client::ConsumerConfig config,
                                   const ReceivePlan& plan, const OnRecord& on_record,
                                   const std::function<void()>& on_pause) {
  Receiver receiver(session, std::move(config), plan, on_record, on_pause);
  auto end = co_await receiver.run();
  co_return end;
}

rt::Task<Result<std::vector<std::string>>> list_topics(ClientSession& session,
                                                       const client::ConnectionSettings& settings) {
  client::BrokerPool pool(session.environment(), settings);
  auto response = co_await pool.metadata(nullptr, false, pool.request_limits());
  pool.close();
  co_await pool.join();
  if (!response) co_return fail(response.error());
  std::vector<std::string> names;
  for (const auto& topic : response->topics)
    if (!topic.is_internal) names.push_back(topic.name.value_or(""));
  co_return names;
}

}  // namespace

Result<ReceiveEnd> receive(ClientSession& session, client::ConsumerConfig config,
                           const ReceivePlan& plan, const OnRecord& on_record,
                           const std::function<void()>& on_pause) {
  return session.run(drive(session, std::move(config), plan, on_record, on_pause));
}

Result<std::vector<std::string>> topics_matching(ClientSession& session,
                                                 const client::ConnectionSettings& settings,
                                                 const std::string& expression) {
  SEMEL_TRY(auto names, session.run(list_topics(session, settings)));
  try {
    const std::regex pattern(expression);
    std::erase_if(names, [&](const std::string& name) { return !std::regex_match(name, pattern); });
  } catch (const std::regex_error&) {
    return fail(ErrorCode::kInvalidRequest, expression + " is an invalid regex.");
  }
  return names;
}

}  // namespace semel::cli
