#include "cli/kafka_errors.h"

namespace semel::cli {
namespace {

/// Classes that are not the code's name in camel case.
struct IrregularException {
  ErrorCode code;
  std::string_view name;
};
constexpr IrregularException kIrregular[] = {
    {ErrorCode::kUnknownServerError, "UnknownServerException"},
    {ErrorCode::kCorruptMessage, "CorruptRecordException"},
    {ErrorCode::kRequestTimedOut, "TimeoutException"},
    {ErrorCode::kMessageTooLarge, "RecordTooLargeException"},
    {ErrorCode::kTopicAuthorizationFailed, "TopicAuthorizationException"},
    {ErrorCode::kGroupAuthorizationFailed, "GroupAuthorizationException"},
    {ErrorCode::kClusterAuthorizationFailed, "ClusterAuthorizationException"},
    {ErrorCode::kTopicAlreadyExists, "TopicExistsException"},
    {ErrorCode::kInvalidConfig, "InvalidConfigurationException"},
    {ErrorCode::kOutOfOrderSequenceNumber, "OutOfOrderSequenceException"},
    {ErrorCode::kDuplicateSequenceNumber, "DuplicateSequenceException"},
    {ErrorCode::kKafkaStorageError, "KafkaStorageException"},
    {ErrorCode::kSaslAuthenticationFailed, "SaslAuthenticationException"},
};

}  // namespace

std::string java_exception_of(ErrorCode code) {
  const std::string package = "org.apache.kafka.common.errors.";
  for (const auto& [irregular, name] : kIrregular)
    if (irregular == code) return package + std::string(name);
  std::string name;
  bool is_start = true;
  for (const char c : error_name(code)) {
    if (c == '_') {
      is_start = true;
    } else {
      name += is_start ? c : static_cast<char>(c | 0x20);
      is_start = false;
    }
  }
  return package + name + (name.ends_with("Exception") ? "" : "Exception");
}

std::string java_message(ErrorCode code) {
  switch (code) {
    case ErrorCode::kOffsetOutOfRange:
      return "The requested offset is not within the range of offsets maintained by the server.";
    case ErrorCode::kUnknownTopicOrPartition:
      return "This server does not host this topic-partition.";
    case ErrorCode::kLeaderNotAvailable:
      return "There is no leader for this topic-partition as we are in the middle of a leadership "
             "election.";
    case ErrorCode::kNotLeaderOrFollower:
      return "For requests intended only for the leader, this error indicates that the broker is "
             "not the current leader. For requests intended for any replica, this error indicates "
             "that the broker is not a replica of the topic partition.";
    case ErrorCode::kUnsupportedVersion:
      return "The version of API is not supported.";
    case ErrorCode::kTopicAuthorizationFailed:
      return "Topic authorization failed.";
    case ErrorCode::kClusterAuthorizationFailed:
      return "Cluster authorization failed.";
    case ErrorCode::kPolicyViolation:
      return "Request parameters do not satisfy the configured policy.";
    case ErrorCode::kKafkaStorageError:
      return "Disk error when trying to access log file on the disk.";
    case ErrorCode::kRequestTimedOut:
      return "The request timed out.";
    default:
      return std::string(error_name(code));
  }
}

}  // namespace semel::cli
