// RequestMemory: what requests take of the memory budget beyond their frames, from their admission
// until their answers are sent. net keeps it; handlers claim by RequestContext::claim().
#pragma once

#include <cstddef>

namespace semel::api {

/// One reactor's; used on it only.
class RequestMemory {
 public:
  virtual ~RequestMemory() = default;
  /// False: there is not so much now.
  virtual bool try_take(size_t bytes) = 0;
  /// Even if there is not so much; others wait for longer then.
  virtual void take_anyway(size_t bytes) = 0;
  virtual void give_back(size_t bytes) = 0;
};

}  // namespace semel::api
