// Fetch: records out of partitions, with long polls and sessions (KIP-227, KIP-392, KIP-516).
#pragma once

#include "api/broker/fetch_session.h"
#include "api/broker/services.h"
#include "api/work_pool.h"
#include "gen/fetch.h"

namespace semel::api::broker {

class FetchWork;

class FetchHandler final : public Handler {
 public:
  FetchHandler(const Services& services, std::shared_ptr<Deadlines> deadlines);
  ~FetchHandler() override;
  Progress admit(RequestContext& context) override;
  size_t memory_for(size_t) const override { return 0; }
  /// Ends all long polls.
  void relieve() override;

 private:
  friend class FetchWork;

  /// Finds or makes the session and fills in what `work` reads. An error is the whole answer.
  ErrorCode open_session(FetchWork& work);
  ErrorCode continue_session(FetchWork& work);
  static void list_request(const gen::FetchRequest& request, std::vector<FetchTarget>& targets);
  static void list_forgotten(const gen::FetchRequest& request, std::vector<FetchTarget>& targets);

  const Services services_;
  const std::shared_ptr<Deadlines> deadlines_;
  replica::TableView table_;
  gen::FetchRequest request_;  // of the admit() that runs
  WorkPool<FetchWork> pool_;
  std::vector<FetchWork*> polling_;  // in no order
};

}  // namespace semel::api::broker
