// Authorizer: may this principal do that? One pure question per resource; never waits, any thread.
// Numbers are Kafka's (org.apache.kafka.common.acl.AclOperation, resource.ResourceType).
#pragma once

#include <cstdint>
#include <string_view>

#include "security/principal.h"

namespace semel::security {

enum class Operation : int8_t {
  kRead = 3,
  kWrite = 4,
  kCreate = 5,
  kDelete = 6,
  kAlter = 7,
  kDescribe = 8,
  kClusterAction = 9,
  kDescribeConfigs = 10,
  kAlterConfigs = 11,
  kIdempotentWrite = 12,
};

enum class ResourceType : int8_t { kTopic = 2, kGroup = 3, kCluster = 4, kTransactionalId = 5 };

/// The one resource of type kCluster.
inline constexpr std::string_view kClusterName = "kafka-cluster";

/// "No operations asked for" in Metadata, DescribeCluster and DescribeGroups answers.
inline constexpr int32_t kOperationsNotAsked = INT32_MIN;

class Authorizer {
 public:
  virtual ~Authorizer() = default;
  virtual bool allows(const Principal& principal, Operation operation, ResourceType type,
                      std::string_view name) const = 0;
};

/// What a broker without an authorizer does, as Kafka: everybody may do everything. A configuration
/// that names an authorizer is refused at the start, so this one never stands in for it.
class AllowAll final : public Authorizer {
 public:
  bool allows(const Principal& principal, Operation operation, ResourceType type,
              std::string_view name) const override;
};

/// The bits (1 << operation) that `principal` has on a resource, as AuthorizedOperations fields
/// carry them: only operations that make sense for `type`.
int32_t authorized_operations(const Authorizer& authorizer, const Principal& principal,
                              ResourceType type, std::string_view name);

}  // namespace semel::security
