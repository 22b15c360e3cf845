// MetadataRefresh: when a client asks for metadata of its topics: once something is missing or
// proved stale, then again every retry.backoff.ms until nothing is; and when metadata.max.age.ms is
// over.
//
// Contract: on the pool's executor. Its requests end with the pool: close() cancels, join() waits
// for them.
#pragma once

#include <string>
#include <vector>

#include "client/broker_pool.h"

namespace semel::client {

class MetadataRefresh {
 public:
  /// Who wants it.
  class User {
   public:
    virtual ~User() = default;
    virtual std::vector<std::string> metadata_topics() const = 0;
    /// False: something is missing still.
    virtual bool take_metadata(const gen::MetadataResponse& response) = 0;
    /// A request has ended, well or not: there may be something to do.
    virtual void wake() = 0;
  };

  /// `pool`, `settings` and `user` outlive it; `may_create`: topics that do not exist.
  MetadataRefresh(BrokerPool& pool, const ConnectionSettings& settings, bool may_create, User& user)
      : pool_(pool), settings_(settings), user_(user), may_create_(may_create) {}
  MetadataRefresh(const MetadataRefresh&) = delete;
  MetadataRefresh& operator=(const MetadataRefresh&) = delete;

  /// Something is missing or stale. True: that is news.
  bool want() { return !std::exchange(is_wanted_, true); }
  /// The user has a topic that it did not have before: asked for without a pause.
  void want_new_topic();
  /// Asks if it is time to.
  void start_if_due(rt::Instant now);
  /// When start_if_due has something to do; rt::kNever if want() must come first.
  rt::Instant next_wake() const;

 private:
  rt::Task<void> run(std::vector<std::string> topics, rt::Gate::Entry entry);
  rt::Instant now() const { return pool_.environment().executor.clock().now(); }

  BrokerPool& pool_;
  const ConnectionSettings& settings_;
  User& user_;
  bool may_create_;
  bool is_wanted_ = false;
  bool is_running_ = false;
  bool has_new_topic_ = false;
  int32_t failures_ = 0;  // in a row
  rt::Instant not_before_{0};
  rt::Instant expires_ = rt::kNever;
};

}  // namespace semel::client
