// Sending: a producer on a session, for commands that read records and block until they are taken
// over.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "cli/client_session.h"
#include "cli/line_reader.h"
#include "client/producer.h"

namespace semel::cli {

/// A record to send; `partition` −1: the partitioner decides.
struct OutgoingRecord {
  std::string topic;
  LineRecord content;
  int32_t partition = -1;
  uint64_t tag = 0;
};

class Sending {
 public:
  /// `on_delivery` runs on the session's reactor, also for records that could not be accepted.
  Sending(ClientSession& session, client::ProducerConfig config,
          std::function<void(const client::Delivery&)> on_delivery);
  /// Waits up to delivery.timeout.ms for what was accepted.
  ~Sending();
  Sending(const Sending&) = delete;
  Sending& operator=(const Sending&) = delete;

  /// Continues when every record was accepted or refused.
  void send(const std::vector<OutgoingRecord>& records);
  /// Continues when everything was reported.
  void flush();
  client::Producer& producer() { return *producer_; }
  ClientSession& session() { return session_; }

 private:
  class Listener final : public client::DeliveryListener {
   public:
    explicit Listener(std::function<void(const client::Delivery&)> run) : run_(std::move(run)) {}
    void on_delivery(const client::Delivery& delivery) override { run_(delivery); }

   private:
    std::function<void(const client::Delivery&)> run_;
  };
  rt::Task<void> start();
  rt::Task<void> send_all(const std::vector<OutgoingRecord>& records);
  rt::Task<void> flush_all();
  rt::Task<void> close();

  ClientSession& session_;
  Listener listener_;
  std::unique_ptr<client::Producer> producer_;
};

}  // namespace semel::cli
