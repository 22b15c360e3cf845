// SimNetwork: the Network of one process.
#pragma once

#include <map>
#include <memory>

#include "rt/network.h"
#include "rt/sim/fabric.h"

namespace semel::rt::sim {

class Process;
class SimExecutor;

class SimNetwork final : public Network {
 public:
  explicit SimNetwork(Process& process) : process_(process) {}

  Result<std::unique_ptr<Listener>> listen(const Address& address,
                                           std::span<Executor* const> executors,
                                           OnAccept on_accept) override;
  Task<Result<std::unique_ptr<Stream>>> connect(Executor& executor, Address address,
                                                Duration timeout) override;

  /// The process is dead: waits end with failures, listeners and streams are gone for their peers.
  void cut_off();

 private:
  using Outcome = Result<std::unique_ptr<Stream>>;
  /// Waits in the frame of connect().
  struct Attempt final : Mail {
    Attempt(SimNetwork& owner_network, Executor& caller)
        : network(owner_network), executor(caller) {}
    bool await_ready() const { return outcome.has_value(); }
    void await_suspend(std::coroutine_handle<> awaiter) { handle = awaiter; }
    void await_resume() const {}
    void run() override { handle.resume(); }

    SimNetwork& network;
    Executor& executor;
    std::coroutine_handle<> handle;
    std::optional<Outcome> outcome;
  };

  Node* resolve(const std::string& host);
  void begin(Attempt& attempt, uint64_t id, const Address& address);
  /// The SYN has arrived at `target`.
  void arrive(uint64_t id, Node& target, const Address& address);
  void finish(uint64_t id, Outcome outcome);

  Process& process_;
  bool is_cut_off_ = false;
  uint64_t last_attempt_ = 0;
  std::map<uint64_t, Attempt*> attempts_;
};

class SimListener final : public Listener {
 public:
  SimListener(Process& process, Address address, bool is_local_only);
  ~SimListener() override { close(); }
  Address local() const override { return address_; }
  void close() override;

  Process& process() { return process_; }
  bool is_local_only() const { return is_local_only_; }
  void accept(std::unique_ptr<Stream> stream, Executor& executor);
  Executor& pick_executor();

  std::vector<Executor*> executors;
  std::shared_ptr<Network::OnAccept> on_accept;

 private:
  Process& process_;
  Address address_;
  bool is_local_only_;
  bool is_closed_ = false;
};

}  // namespace semel::rt::sim
