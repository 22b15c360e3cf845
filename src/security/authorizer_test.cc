#include "security/authorizer.h"

#include <gtest/gtest.h>

namespace semel::security {
namespace {

class OnlyReads final : public Authorizer {
 public:
  bool allows(const Principal&, Operation operation, ResourceType,
              std::string_view) const override {
    return operation == Operation::kRead || operation == Operation::kDescribe;
  }
};

TEST(Authorizer, BitsAreThoseOfKafka) {
  // Values that Kafka 4.3.1 answers without an authorizer.
  const AllowAll everybody;
  EXPECT_EQ(authorized_operations(everybody, {}, ResourceType::kTopic, "t"), 3576);
  EXPECT_EQ(authorized_operations(everybody, {}, ResourceType::kGroup, "g"), 3400);
  EXPECT_EQ(authorized_operations(everybody, {}, ResourceType::kCluster, kClusterName), 8096);
}

TEST(Authorizer, OnlyWhatIsAllowedIsTold) {
  EXPECT_EQ(authorized_operations(OnlyReads(), {}, ResourceType::kTopic, "t"), (1 << 3) | (1 << 8));
  EXPECT_EQ(authorized_operations(OnlyReads(), {}, ResourceType::kCluster, kClusterName), 1 << 8);
}

TEST(Principal, Text) { EXPECT_EQ(Principal().to_text(), "User:ANONYMOUS"); }

}  // namespace
}  // namespace semel::security
