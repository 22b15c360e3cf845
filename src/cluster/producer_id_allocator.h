// ProducerIdAllocator: hands out producer ids from blocks that the controller gave to this broker
// (AllocateProducerIds). Ids are never given twice, also over restarts; an unfinished block is
// lost.
#pragma once

#include <memory>

#include "base/ids.h"
#include "base/result.h"
#include "rt/executor.h"
#include "rt/task.h"

namespace semel::cluster {

struct ProducerIdBlock {
  int64_t first = 0;
  int64_t count = 0;
};

/// Where blocks come from. Called by one caller at a time, on executor 0.
class ProducerIdSource {
 public:
  virtual ~ProducerIdSource() = default;
  virtual rt::Task<Result<ProducerIdBlock>> next_block() = 0;
};

/// Thread rule: next() from any executor.
class ProducerIdAllocator {
 public:
  /// `home` is executor 0; both outlive *this.
  ProducerIdAllocator(ProducerIdSource& source, rt::Executor& home);

  /// The next id. At once while a block is there; else waits for the controller. The next block is
  /// asked for when 90 % of the present one are used. Error: kCoordinatorLoadInProgress
  /// (retriable), if the controller could not be asked. The awaiter goes on on `caller`.
  rt::Task<Result<ProducerId>> next(rt::Executor& caller);

 private:
  struct Blocks {
    int64_t next = 0;
    int64_t end = 0;
    ProducerIdBlock ahead;     // count 0 = none
    bool is_fetching = false;  // somebody asks the controller
  };
  struct Core;
  std::shared_ptr<Core> core_;
};

}  // namespace semel::cluster
