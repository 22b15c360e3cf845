// Admin: typed requests to a cluster, for tools and programs that manage it.
//
// Contract: everything on one executor; close() is awaited before destruction.
#pragma once

#include "client/broker_pool.h"

namespace semel::client {

/// The settings of a client that manages a cluster; keys that only other clients know are ignored.
/// Refusals are Kafka's, and one for each security.protocol but PLAINTEXT.
std::expected<ConnectionSettings, ConfigRefusal> admin_settings(
    std::span<const ClientSetting> given, KafkaVersion version = KafkaVersion::k43);

class Admin {
 public:
  Admin(Environment environment, ConnectionSettings settings)
      : settings_(std::move(settings)), pool_(environment, settings_) {}

  /// Sends `request` to any broker, at the highest version that both know, and again after a cut
  /// while the deadline allows it: so only requests that may be repeated belong here without a
  /// deadline of one request.timeout.ms. Codes inside the answer are the caller's. Errors:
  /// kNetworkException (no broker is reached, with every address and why), kRequestTimedOut,
  /// kUnsupportedVersion, kCorruptMessage.
  template <class Response, class Request>
  rt::Task<Result<Response>> call(const Request& request, rt::WaitLimits limits = {}) {
    while (true) {
      auto connection = co_await pool_.any(limits);
      Error why;
      if (connection) {
        const ConnectionPtr& held = *connection;
        const rt::WaitLimits once{std::min(limits.deadline, pool_.request_limits().deadline),
                                  limits.cancel};
        auto response = co_await peer::call_typed<Response>(*held, request, once);
        if (response) co_return response;
        why = response.error();
      } else {
        why = connection.error();
      }
      const bool may_try_again = error_is_retriable(why.code) && why.cause != Cause::kCancelled;
      const rt::Instant again =
          pool_.environment().executor.clock().now() + settings_.retry_backoff;
      if (!may_try_again || limits.deadline == rt::kNever || again >= limits.deadline)
        co_return fail(why);
      co_await rt::pause(pool_.environment().executor, {again, limits.cancel});
    }
  }

  /// What is known about `topics` (null: all).
  rt::Task<Result<gen::MetadataResponse>> metadata(const std::vector<std::string>* topics,
                                                   rt::WaitLimits limits = {}) {
    return pool_.metadata(topics, false, limits);
  }

  rt::Task<void> close() {
    pool_.close();
    co_await pool_.join();
  }

 private:
  ConnectionSettings settings_;
  BrokerPool pool_;
};

}  // namespace semel::client
