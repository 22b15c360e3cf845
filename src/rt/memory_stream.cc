#include "rt/memory_stream.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "base/units.h"
#include "rt/guarded.h"

namespace semel::rt {
namespace {

// One direction: a ring of bytes, and who waits for it. A waiter is posted to its own executor by
// whoever makes it runnable, and is not listed any more from then on.
struct Pipe {
  explicit Pipe(size_t capacity) : ring(capacity) {}

  size_t free() const { return ring.size() - used; }
  void put(bytes::ByteSpan bytes) {
    const size_t at = (from + used) % ring.size();
    const size_t straight = std::min(bytes.size(), ring.size() - at);
    std::memcpy(ring.data() + at, bytes.data(), straight);
    std::memcpy(ring.data(), bytes.data() + straight, bytes.size() - straight);
    used += bytes.size();
  }
  void take(bytes::MutableByteSpan into) {
    const size_t straight = std::min(into.size(), ring.size() - from);
    std::memcpy(into.data(), ring.data() + from, straight);
    std::memcpy(into.data() + straight, ring.data(), into.size() - straight);
    from = (from + into.size()) % ring.size();
    used -= into.size();
  }
  void wake_reader() {
    if (Mail* waiter = std::exchange(read_waiter, nullptr)) reader->post(*waiter);
  }
  void wake_writer() {
    if (Mail* waiter = std::exchange(write_waiter, nullptr)) writer->post(*waiter);
  }

  std::vector<std::byte> ring;
  size_t from = 0;
  size_t used = 0;
  bool writer_is_gone = false;
  bool reader_is_gone = false;
  Mail* read_waiter = nullptr;
  Mail* write_waiter = nullptr;
  Executor* reader = nullptr;
  Executor* writer = nullptr;
};

struct Shared {
  Shared(size_t capacity, std::string_view n)
      : pipes{Guarded<Pipe>{capacity}, Guarded<Pipe>{capacity}}, name(n) {}
  std::array<Guarded<Pipe>, 2> pipes;
  std::string name;
};

class MemoryStream final : public Stream {
 public:
  MemoryStream(std::shared_ptr<Shared> shared, size_t side, Executor& executor)
      : shared_(std::move(shared)), side_(side), executor_(executor) {}
  ~MemoryStream() override { MemoryStream::close(); }

  Executor& executor() override { return executor_; }

  Transfer try_read(bytes::MutableByteSpan into) override {
    if (is_closed_) return {Transfer::State::kFailed};
    auto pipe = incoming().lock();
    if (pipe->used == 0) {
      return {pipe->writer_is_gone ? Transfer::State::kEnd : Transfer::State::kWouldBlock};
    }
    const size_t count = std::min(into.size(), pipe->used);
    pipe->take(into.first(count));
    pipe->wake_writer();
    return {Transfer::State::kDone, count};
  }

  Transfer try_write(std::span<const bytes::ByteSpan> parts, bool) override {
    if (is_closed_) return {Transfer::State::kFailed};
    auto pipe = outgoing().lock();
    if (pipe->reader_is_gone) return {Transfer::State::kFailed};
    size_t count = 0;
    for (const bytes::ByteSpan part : parts) {
      const size_t taken = std::min(part.size(), pipe->free());
      if (taken > 0) pipe->put(part.first(taken));
      count += taken;
      if (taken < part.size()) break;
    }
    if (count == 0) return {Transfer::State::kWouldBlock};
    pipe->wake_reader();
    return {Transfer::State::kDone, count};
  }

  Transfer try_send_file(const FileRange& range, bool more_follows) override {
    if (is_closed_) return {Transfer::State::kFailed};
    std::array<std::byte, 16_KiB> chunk;
    const size_t room = outgoing().with([](Pipe& pipe) { return pipe.free(); });
    const size_t wanted = std::min({range.size, uint64_t{chunk.size()}, uint64_t{room}});
    if (wanted == 0) return try_write({}, more_follows);
    const auto count = range.file->pread(range.at, std::span(chunk).first(wanted));
    if (!count || *count == 0) return {Transfer::State::kFailed};
    const bytes::ByteSpan part = std::span(chunk).first(*count);
    return try_write(std::span(&part, 1), more_follows);
  }

  void wait_readable(Mail& waiter) override {
    auto pipe = incoming().lock();
    SEMEL_ASSERT(pipe->read_waiter == nullptr, "one waiter per direction");
    pipe->read_waiter = &waiter;
    if (is_closed_ || pipe->used > 0 || pipe->writer_is_gone) pipe->wake_reader();
  }

  void wait_writable(Mail& waiter) override {
    auto pipe = outgoing().lock();
    SEMEL_ASSERT(pipe->write_waiter == nullptr, "one waiter per direction");
    pipe->write_waiter = &waiter;
    if (is_closed_ || pipe->free() > 0 || pipe->reader_is_gone) pipe->wake_writer();
  }

  bool cancel_wait(Mail& waiter) override {
    auto forget = [&waiter](Mail*& place) {
      if (place != &waiter) return false;
      place = nullptr;
      return true;
    };
    return incoming().with([&](Pipe& pipe) { return forget(pipe.read_waiter); }) ||
           outgoing().with([&](Pipe& pipe) { return forget(pipe.write_waiter); });
  }

  void close() override {
    if (std::exchange(is_closed_, true)) return;
    incoming().with([](Pipe& pipe) {
      pipe.reader_is_gone = true;
      pipe.wake_reader();
      pipe.wake_writer();
    });
    outgoing().with([](Pipe& pipe) {
      pipe.writer_is_gone = true;
      pipe.wake_reader();
      pipe.wake_writer();
    });
  }
  bool is_closed() const override { return is_closed_; }
  Address peer() const override { return {shared_->name, 0}; }
  Address local() const override { return {shared_->name, 0}; }

 private:
  Guarded<Pipe>& outgoing() { return shared_->pipes[side_]; }
  Guarded<Pipe>& incoming() { return shared_->pipes[1 - side_]; }

  std::shared_ptr<Shared> shared_;
  size_t side_;
  Executor& executor_;
  bool is_closed_ = false;
};

}  // namespace

std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> make_memory_streams(
    Executor& first, Executor& second, size_t capacity, std::string_view name) {
  SEMEL_ASSERT(capacity > 0);
  auto shared = std::make_shared<Shared>(capacity, name);
  shared->pipes[0].with([&](Pipe& pipe) {
    pipe.writer = &first;
    pipe.reader = &second;
  });
  shared->pipes[1].with([&](Pipe& pipe) {
    pipe.writer = &second;
    pipe.reader = &first;
  });
  return {std::make_unique<MemoryStream>(shared, 0, first),
          std::make_unique<MemoryStream>(shared, 1, second)};
}

}  // namespace semel::rt
