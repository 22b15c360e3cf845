// Sender: a producer as a run sees it, whichever driver is behind it.
#pragma once

#include <string>

#include "rt/sim/process.h"

namespace semel::sim {

class Sender : public rt::sim::Program {
 public:
  /// No new records from now on.
  virtual void finish() = 0;
  /// Every record that it still cares about has its answer.
  virtual bool is_settled() const = 0;
  /// For the report of a run that does not settle.
  virtual std::string describe() const = 0;
};

}  // namespace semel::sim
