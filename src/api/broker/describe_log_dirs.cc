#include "gen/describe_log_dirs.h"

#include <map>

#include "api/broker/small_handlers.h"
#include "api/wire_code.h"
#include "bytes/reader.h"
#include "rt/blocking.h"

namespace semel::api::broker {
namespace {

using Result35 = gen::DescribeLogDirsResponse::DescribeLogDirsResult;
using LogPtr = std::shared_ptr<log::Log>;

/// Logs by directory and name.
using LogsByDirectory = std::map<DirectoryId, std::map<TopicPartition, LogPtr>>;

LogsByDirectory asked_logs(const log::LogManager& logs,
                           const gen::DescribeLogDirsRequest& request) {
  LogsByDirectory found;
  const auto add = [&](const LogPtr& log) {
    if (log != nullptr) found[logs.directory_of(*log)][log->name()] = log;
  };
  if (request.topics.is_null()) {
    for (const LogPtr& log : logs.logs()) add(log);
    return found;
  }
  for (const auto& topic : request.topics)
    for (const int32_t index : topic.partitions)
      add(logs.find({topic.topic, PartitionIndex{index}}));
  return found;
}

void put_logs(const std::map<TopicPartition, LogPtr>& logs, Result35& answer) {
  for (const auto& [name, log] : logs) {
    if (answer.topics.empty() || answer.topics.back().name != name.topic)
      answer.topics.append().name = name.topic;
    auto& partition = answer.topics.back().partitions.append();
    partition.partition_index = name.partition.value;
    partition.partition_size = static_cast<int64_t>(log->size_bytes());
    partition.offset_lag = std::max<int64_t>(log->high_watermark().value - log->log_end().value, 0);
  }
}

/// Blocks.
void put_space(rt::Disk& disk, Result35& answer) {
  const auto total = disk.total_bytes(answer.log_dir);
  const auto usable = disk.free_bytes(answer.log_dir);
  if (total) answer.total_bytes = static_cast<int64_t>(*total);
  if (usable) answer.usable_bytes = static_cast<int64_t>(*usable);
}

}  // namespace

rt::Task<Progress> DescribeLogDirsHandler::run(RequestContext& context) {
  const bytes::Buffer body = context.body();
  bytes::Reader reader(body);
  gen::DescribeLogDirsRequest request;
  const auto decoded = request.decode(reader, context.header.version);
  if (!decoded) co_return Progress::kClose;

  gen::DescribeLogDirsResponse response;
  if (!services_.authorizer.allows(context.connection().principal, security::Operation::kDescribe,
                                   security::ResourceType::kCluster, security::kClusterName)) {
    response.error_code = wire_code(ErrorCode::kClusterAuthorizationFailed);
    context.respond(response);
    co_return Progress::kReady;
  }
  const LogsByDirectory asked = asked_logs(services_.logs, request);
  const cluster::ImagePtr image = services_.images.current();
  const cluster::BrokerRegistration* self = image->broker(services_.facts.self);
  for (const log::DirectoryFacts& directory : services_.logs.directories()) {
    auto& answer = response.results.append();
    answer.log_dir = directory.path;
    if (!directory.is_online) {
      answer.error_code = wire_code(ErrorCode::kKafkaStorageError);
      continue;
    }
    if (self != nullptr)
      answer.is_cordoned = std::ranges::count(self->cordoned_directories, directory.id) > 0;
    if (const auto logs = asked.find(directory.id); logs != asked.end())
      put_logs(logs->second, answer);
  }
  const auto ask_disk = [&] {
    for (auto& answer : response.results)
      if (answer.error_code == 0) put_space(*services_.runtime.disk, answer);
  };
  co_await rt::run_blocking(*services_.runtime.disk, context.executor(), ask_disk);
  context.respond(response);
  co_return Progress::kReady;
}

}  // namespace semel::api::broker
