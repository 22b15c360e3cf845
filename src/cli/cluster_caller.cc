#include "cli/cluster_caller.h"

#include <fmt/format.h>

#include "cli/client_session.h"
#include "cli/client_settings.h"
#include "client/admin.h"

namespace semel::cli {
namespace {

class ClusterCaller final : public ApiCaller {
 public:
  ClusterCaller(std::unique_ptr<ClientSession> session, client::ConnectionSettings settings)
      : session_(std::move(session)),
        settings_(std::move(settings)),
        pool_(session_->environment(), settings_) {}
  ~ClusterCaller() override { session_->run(close()); }

  Result<void> connect() {
    SEMEL_TRY(connection_, session_->run(pool_.any()));
    return {};
  }

  VersionRange versions(int16_t key) override {
    const peer::VersionRange range = connection_->versions(key);
    return {range.min, range.max};
  }

  Result<bytes::Buffer> call(int16_t key, int16_t version, bytes::Buffer body) override {
    return session_->run(connection_->call(key, version, std::move(body), pool_.request_limits()));
  }

  rt::Instant now() override { return session_->executor().clock().now(); }

  bool pause_before_retry(rt::Instant began) override {
    if (now() + settings_.retry_backoff >= began + settings_.api_timeout) return false;
    session_->run(pause(settings_.retry_backoff));
    return true;
  }

 private:
  rt::Task<void> pause(rt::Duration duration) {
    co_await rt::sleep_for(session_->executor(), duration);
  }

  rt::Task<void> close() {
    connection_.reset();
    pool_.close();
    co_await pool_.join();
  }

  std::unique_ptr<ClientSession> session_;
  client::ConnectionSettings settings_;
  client::BrokerPool pool_;
  client::ConnectionPtr connection_;
};

}  // namespace

Result<std::unique_ptr<ApiCaller>> connect_to_cluster(const ClusterAddress& address,
                                                      rt::Disk& disk) {
  Settings settings{{"client.id", "semel-admin"}};
  if (!address.settings_file.empty()) {
    const auto read = add_settings_file(settings, disk, address.settings_file);
    if (!read && read.error().cause == Cause::kNotFound)
      return fail(ErrorCode::kInvalidConfig, address.settings_file, Cause::kNotFound);
    if (!read) return fail(read.error());
  }
  put_setting(settings, "bootstrap.servers", address.servers);
  auto connection = client::admin_settings(settings);
  if (!connection) return fail(ErrorCode::kInvalidConfig, connection.error().text, Cause::kRefused);
  SEMEL_TRY(auto session, ClientSession::open());
  auto caller = std::make_unique<ClusterCaller>(std::move(session), std::move(*connection));
  SEMEL_CHECK(caller->connect());
  return std::unique_ptr<ApiCaller>(std::move(caller));
}

}  // namespace semel::cli
