// SignalWatch: Unix signals as events of a reactor.
#pragma once

#include <span>

#include "base/result.h"
#include "rt/linux/file_handle.h"
#include "rt/linux/reactor.h"

namespace semel::rt::linux_os {

class SignalWatch final : private Mail {
 public:
  SignalWatch(Reactor& reactor, UniqueFunction<void(int)> on_signal)
      : reactor_(reactor), on_signal_(std::move(on_signal)) {}

  /// Blocks the signals in the calling thread (and those that it starts); begins to listen when the
  /// reactor runs.
  Result<void> start(std::span<const int> signals);

 private:
  void run() override;

  Reactor& reactor_;
  UniqueFunction<void(int)> on_signal_;
  FileHandle signals_;  // signalfd
  Descriptor descriptor_;
};

}  // namespace semel::rt::linux_os
