#include "gen/describe_topic_partitions.h"

#include <algorithm>
#include <set>

#include "api/broker/listener_view.h"
#include "api/broker/small_handlers.h"
#include "api/broker/topic_names.h"
#include "api/wire_code.h"
#include "bytes/reader.h"

namespace semel::api::broker {
namespace {

using Request = gen::DescribeTopicPartitionsRequest;
using Response = gen::DescribeTopicPartitionsResponse;
using Topic = Response::DescribeTopicPartitionsResponseTopic;

/// The page that begins at the cursor: topics by ascending name.
class Page {
 public:
  Page(const cluster::MetadataImage& image, std::string_view listener, size_t room,
       Response& response)
      : image_(image), view_(image, listener), room_(room), response_(response) {}

  /// False: the page is full, and the answer says where the next one begins.
  bool add(const std::string& name, size_t from, bool is_asked_by_name) {
    if (room_ == 0) return end_at(name, 0);
    const cluster::TopicPtr topic = image_.topic(name);
    if (topic == nullptr) {
      if (is_asked_by_name) put_unknown(name);
      return true;
    }
    Topic& answer = response_.topics.append();
    answer.name = name;
    answer.topic_id = topic->id;
    answer.is_internal = is_internal_topic(name);
    const size_t end = std::min(topic->partitions.size(), from + room_);
    for (size_t i = from; i < end; ++i) put_partition(*topic->partitions[i], i, answer);
    room_ -= answer.partitions.size();
    return end >= topic->partitions.size() || end_at(name, end);
  }

 private:
  bool end_at(const std::string& name, size_t partition) {
    auto& cursor = response_.next_cursor.emplace();
    cursor.topic_name = name;
    cursor.partition_index = static_cast<int32_t>(partition);
    return false;
  }

  void put_unknown(const std::string& name) {
    Topic& answer = response_.topics.append();
    answer.name = name;
    answer.is_internal = is_internal_topic(name);
    answer.error_code = wire_code(is_valid_topic(name) ? ErrorCode::kUnknownTopicOrPartition
                                                       : ErrorCode::kInvalidTopicException);
  }

  void put_partition(const cluster::PartitionRegistration& partition, size_t index,
                     Topic& topic) const {
    auto& answer = topic.partitions.append();
    answer.partition_index = static_cast<int32_t>(index);
    view_.put_replicas(partition, answer);
    answer.eligible_leader_replicas.clear();
    answer.last_known_elr.clear();
    for (const BrokerId id : partition.elr) answer.eligible_leader_replicas.push_back(id.value);
    for (const BrokerId id : partition.last_known_elr) answer.last_known_elr.push_back(id.value);
  }

  const cluster::MetadataImage& image_;
  const ListenerView view_;
  size_t room_;
  Response& response_;
};

/// Every answer that a request which makes no sense gets.
void refuse_all(const Request& request, Response& response) {
  for (const auto& asked : request.topics) {
    Topic& answer = response.topics.append();
    answer.name = asked.name;
    answer.error_code = wire_code(ErrorCode::kInvalidRequest);
  }
}

}  // namespace

Progress DescribeTopicPartitionsHandler::admit(RequestContext& context) {
  const bytes::Buffer body = context.body();
  bytes::Reader reader(body);
  Request request;
  const auto decoded = request.decode(reader, context.header.version);
  if (!decoded) return Progress::kClose;

  Response response;
  if (request.cursor && request.cursor->partition_index < 0) {
    refuse_all(request, response);
    context.respond(response);
    return Progress::kReady;
  }
  const cluster::ImagePtr image = services_.images.current();
  const std::string start = request.cursor ? request.cursor->topic_name : "";
  const auto& principal = context.connection().principal;
  const auto may_describe = [&](const std::string& name) {
    return services_.authorizer.allows(principal, security::Operation::kDescribe,
                                       security::ResourceType::kTopic, name);
  };
  std::set<std::string> names;
  std::vector<std::string> hidden;
  const bool asks_all = request.topics.empty();
  const auto want = [&](const std::string& name) {
    if (name < start) return;
    if (may_describe(name))
      names.insert(name);
    else if (!asks_all)
      hidden.push_back(name);
  };
  if (asks_all)
    image->topics->by_name.for_each(
        [&](const std::string& name, const cluster::TopicPtr&) { want(name); });
  for (const auto& asked : request.topics) want(asked.name);

  const int32_t room = std::clamp(request.response_partition_limit, 1,
                                  std::max(services_.facts.described_partitions_max, 1));
  Page page(*image, context.connection().listener, static_cast<size_t>(room), response);
  for (const std::string& name : names) {
    const size_t from =
        request.cursor && name == start ? static_cast<size_t>(request.cursor->partition_index) : 0;
    if (!page.add(name, from, !asks_all)) break;
  }
  for (Topic& topic : response.topics)
    topic.topic_authorized_operations = security::authorized_operations(
        services_.authorizer, principal, security::ResourceType::kTopic, *topic.name);
  for (const std::string& name : hidden) {
    Topic& answer = response.topics.append();
    answer.name = name;
    answer.error_code = wire_code(ErrorCode::kTopicAuthorizationFailed);
  }
  context.respond(response);
  return Progress::kReady;
}

}  // namespace semel::api::broker
