#include "security/authorizer.h"

#include <span>

namespace semel::security {
namespace {

constexpr Operation kTopicOperations[] = {
    Operation::kRead,  Operation::kWrite,    Operation::kCreate,          Operation::kDelete,
    Operation::kAlter, Operation::kDescribe, Operation::kDescribeConfigs, Operation::kAlterConfigs};
constexpr Operation kGroupOperations[] = {Operation::kRead, Operation::kDelete,
                                          Operation::kDescribe, Operation::kDescribeConfigs,
                                          Operation::kAlterConfigs};
constexpr Operation kClusterOperations[] = {Operation::kCreate,          Operation::kAlter,
                                            Operation::kDescribe,        Operation::kClusterAction,
                                            Operation::kDescribeConfigs, Operation::kAlterConfigs,
                                            Operation::kIdempotentWrite};
constexpr Operation kTransactionalIdOperations[] = {Operation::kWrite, Operation::kDescribe};

std::span<const Operation> operations_of(ResourceType type) {
  switch (type) {
    case ResourceType::kTopic:
      return kTopicOperations;
    case ResourceType::kGroup:
      return kGroupOperations;
    case ResourceType::kCluster:
      return kClusterOperations;
    case ResourceType::kTransactionalId:
      return kTransactionalIdOperations;
  }
  return {};
}

}  // namespace

bool AllowAll::allows(const Principal&, Operation, ResourceType, std::string_view) const {
  return true;
}

int32_t authorized_operations(const Authorizer& authorizer, const Principal& principal,
                              ResourceType type, std::string_view name) {
  int32_t bits = 0;
  for (const Operation operation : operations_of(type)) {
    if (authorizer.allows(principal, operation, type, name))
      bits |= 1 << static_cast<int>(operation);
  }
  return bits;
}

}  // namespace semel::security
