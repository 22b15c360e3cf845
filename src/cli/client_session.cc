#include "cli/client_session.h"

#include <csignal>

namespace semel::cli {

Result<std::unique_ptr<ClientSession>> ClientSession::open(bool watches_signals) {
  SEMEL_TRY(auto os, rt::LinuxRuntime::create({.reactors = 1, .io_threads = 1}));
  std::unique_ptr<ClientSession> session(new ClientSession(std::move(os)));
  if (watches_signals) {
    const int signals[] = {SIGTERM, SIGINT};
    SEMEL_CHECK(
        session->os_->watch_signals(signals, [raw = session.get()](int) { raw->stop_.cancel(); }));
  }
  session->os_->start();
  return session;
}

ClientSession::~ClientSession() {
  // What a closed connection still posts runs before the reactor ends.
  std::promise<void> quiet;
  executor().post([&] { executor().post([&] { quiet.set_value(); }); });
  quiet.get_future().wait();
  os_->stop();
}

client::Environment ClientSession::environment() {
  rt::Runtime& runtime = os_->runtime();
  return {executor(), *runtime.network, *runtime.random};
}

}  // namespace semel::cli
