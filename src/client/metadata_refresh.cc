#include "client/metadata_refresh.h"

#include <algorithm>

#include "base/log.h"

namespace semel::client {

void MetadataRefresh::want_new_topic() {
  is_wanted_ = true;
  has_new_topic_ = true;
  not_before_ = rt::Instant{0};
}

void MetadataRefresh::start_if_due(rt::Instant now) {
  if (now >= expires_) is_wanted_ = true;
  if (!is_wanted_ || is_running_ || now < not_before_) return;
  is_wanted_ = has_new_topic_ = false;
  std::vector<std::string> topics = user_.metadata_topics();
  if (topics.empty()) {
    expires_ = rt::kNever;
    return;
  }
  is_running_ = true;
  rt::spawn(run(std::move(topics), pool_.enter()));
}

rt::Instant MetadataRefresh::next_wake() const {
  if (is_running_) return rt::kNever;
  return is_wanted_ ? not_before_ : std::max(expires_, not_before_);
}

rt::Task<void> MetadataRefresh::run(std::vector<std::string> topics, rt::Gate::Entry entry) {
  const rt::CancelToken token = pool_.token();
  auto response =
      co_await pool_.metadata(&topics, may_create_, {now() + settings_.request_timeout, &token});
  if (token.is_cancelled()) co_return;
  is_running_ = false;
  if (!has_new_topic_) not_before_ = now() + settings_.retry_backoff;
  user_.wake();
  if (!response) {
    is_wanted_ = true;
    if (failures_++ == 0) log_warn("client", "no metadata: {}", response.error().context);
    co_return;
  }
  failures_ = 0;
  expires_ = now() + settings_.metadata_max_age;
  if (!user_.take_metadata(*response)) is_wanted_ = true;
}

}  // namespace semel::client
