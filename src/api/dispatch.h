// Dispatcher: reads a request's header and finds the row of its API. One per reactor and listener
// kind, used on that reactor only; handlers keep their recycled state without locks.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "api/request_context.h"
#include "rt/task.h"
#include "wire/decoder.h"

namespace semel::api {

enum class Progress : uint8_t {
  kReady,        // context.response is complete
  kWaiting,      // context.finish() comes later, or came already
  kNeedsMemory,  // a claim failed and nothing has changed: admit() is called again when there is
  kClose,        // protocol violation: the connection ends after earlier answers
};

/// One API on one reactor.
class Handler {
 public:
  virtual ~Handler() = default;
  /// Decodes and does everything whose order on the connection matters. Requests of one connection
  /// are admitted in the order in which they came.
  virtual Progress admit(RequestContext& context) = 0;
  /// What a request may take beyond its frame, answer included; claimed before admit(). Handlers
  /// that can tell only later return 0 and claim for themselves.
  virtual size_t memory_for(size_t body_bytes) const {
    return kMemoryPerRequest + wire::Decoder::kMemoryPerByte * body_bytes;
  }
  /// Memory is short: answer what need not wait.
  virtual void relieve() {}
  /// True if requests may be put off to the end of the executor's pass, to be served together.
  virtual bool gathers() const { return false; }
  /// Serves what was put off.
  virtual void serve_gathered() {}

 protected:
  static constexpr size_t kMemoryPerRequest = 1024;
};

/// A handler that is one coroutine per request; for APIs off the hot path.
class TaskHandler : public Handler {
 public:
  Progress admit(RequestContext& context) final;

 protected:
  /// Writes the response into `context`. kWaiting is no valid result. `context` lives until it
  /// ends.
  virtual rt::Task<Progress> run(RequestContext& context) = 0;

 private:
  rt::Task<void> drive(RequestContext& context);
};

/// Whether later requests of a connection may begin before this one is answered.
enum class Order : bool { kBarrier, kOverlaps };

/// What one API key accepts, and who answers it.
struct ApiRow {
  int16_t key = -1;
  int16_t min_version = 0;
  int16_t max_version = -1;
  int16_t listed_from = 0;  // the minimum that ApiVersions tells (Produce: 0)
  int16_t flexible_from = 0x7fff;
  bool overlaps = false;
  std::unique_ptr<Handler> handler;

  bool is_flexible(int16_t version) const { return version >= flexible_from; }
};

class Dispatcher {
 public:
  static constexpr int16_t kApiVersionsKey = 18;

  /// Adds an API with the versions that a listener of `kind` serves; its key must be new.
  void add(ListenerKind kind, gen::ApiKey key, Order order, std::unique_ptr<Handler> handler);
  const ApiRow* find(int16_t key) const {
    const size_t at = static_cast<size_t>(key);
    return key >= 0 && at < rows_.size() && rows_[at].handler != nullptr ? &rows_[at] : nullptr;
  }
  /// By ascending key; rows without handler are not served.
  std::span<const ApiRow> rows() const { return rows_; }

  /// Reads the header and finds the row. False: unknown API or version, or no valid header; the
  /// connection must end.
  bool route(RequestContext& context) const;
  /// Hands a routed request to its handler. `follows_others`: earlier ones of its connection are
  /// not answered; then those that were put off are served first.
  Progress admit(RequestContext& context, bool follows_others) const;
  /// Memory is short: whoever waits for something else than memory should not.
  void relieve() const;

 private:
  std::vector<ApiRow> rows_;  // by key
  Handler* gatherer_ = nullptr;
};

template <class Message>
void RequestContext::respond(const Message& message) {
  const bool flexible =
      row->is_flexible(header.version) && header.key != Dispatcher::kApiVersionsKey;
  const Result<void> encoded = message.encode(begin_response(flexible), header.version);
  if (!encoded) return drop_response(encoded.error());
  end_response();
}

}  // namespace semel::api
