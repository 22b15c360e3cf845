// PeerChannel: the ControllerChannel over a peer::Connection that is opened again when it breaks,
// to whatever address or in-process stream its owner opens.
//
// Everything runs on `home`; callers of other executors are taken there and back. One connection,
// so that requests reach the controller in the order in which they were made.
#pragma once

#include <functional>
#include <memory>

#include "cluster/controller_channel.h"
#include "peer/connection.h"
#include "rt/event.h"

namespace semel::cluster {

/// Opens a stream to the active controller. On executor `home`.
using OpenStream = std::function<rt::Task<Result<std::unique_ptr<rt::Stream>>>()>;

class PeerChannel final : public ControllerChannel {
 public:
  static constexpr size_t kMaxWaiting = 10'000;

  PeerChannel(rt::Executor& home, OpenStream open);
  ~PeerChannel() override;

  rt::Task<Result<bytes::Buffer>> forward(rt::Executor& caller, ForwardedRequest request,
                                          rt::Duration timeout) override;
  rt::Task<Result<bytes::Buffer>> call(rt::Executor& caller, int16_t key, int16_t version,
                                       bytes::Buffer body, rt::Duration timeout) override;
  Versions versions(int16_t key) const override;

  /// On `home`: breaks the connection; every call fails from here on.
  void close();

 private:
  struct Core;
  std::shared_ptr<Core> core_;
};

}  // namespace semel::cluster
