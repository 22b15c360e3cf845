// Finds the partition that a request names, or the code that says why not.
#pragma once

#include <expected>

#include "api/broker/services.h"

namespace semel::api::broker {

class PartitionFinder {
 public:
  PartitionFinder(const Services& services, const RequestContext& context,
                  security::Operation operation)
      : services_(services), context_(context), operation_(operation) {}

  using Found = std::expected<std::shared_ptr<replica::Partition>, ErrorCode>;
  /// The partition if this broker has a replica of it; 29, 3 or 6 otherwise.
  Found find(const std::string& topic, int32_t index) const;

 private:
  const Services& services_;
  const RequestContext& context_;
  security::Operation operation_;
};

}  // namespace semel::api::broker
