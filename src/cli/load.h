// A load: records sent as fast as a producer takes them over, or at a rate, and how long each took.
#pragma once

#include <functional>
#include <limits>
#include <string>
#include <string_view>

#include "cli/client_session.h"
#include "client/producer.h"

namespace semel::cli {

struct LoadPlan {
  std::string topic;
  int64_t records_max = std::numeric_limits<int64_t>::max();
  rt::Duration time_max = rt::Duration::max();  // of sending
  double rate = 0;  // records per second; 0 = as fast as they are taken over
  /// True: a record counts as sent when it is due at `rate`, even if the producer has no room for
  /// it then, so that a stall shows in every record that it delays.
  bool counts_from_due = false;
  /// The value of record i; valid until the next call.
  std::function<std::string_view(int64_t)> value;
};

/// Everything on the session's reactor.
class LoadListener {
 public:
  virtual ~LoadListener() = default;
  virtual void on_begin(rt::Instant now) = 0;
  virtual void on_stored(rt::Instant sent, rt::Instant now) = 0;
  virtual void on_failed(const Error& error) = 0;
};

/// Returns when every record was reported. A signal to the session ends the sending. Error: what
/// refuses a record and all that would follow; those accepted before are reported first.
Result<void> run_load(ClientSession& session, client::ProducerConfig config, const LoadPlan& plan,
                      LoadListener& listener);

}  // namespace semel::cli
