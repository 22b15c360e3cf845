#include "rt/network.h"

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rt/event.h"
#include "rt/linux/congestion.h"
#include "rt/linux/endpoint.h"
#include "rt/linux/file_handle.h"
#include "rt/linux/test_runtime.h"
#include "rt/stream_io.h"

namespace semel::rt {
namespace {

using linux_os::Endpoint;
using linux_os::FileHandle;
using std::chrono::milliseconds;
using std::chrono::seconds;

Task<void> echo(std::unique_ptr<Stream> stream, Gate::Entry entry, CancelToken token) {
  std::vector<std::byte> chunk(64 << 10);
  const WaitLimits limits{.cancel = &token};
  while (true) {
    auto count = co_await read_some(*stream, chunk, limits);
    if (!count || *count == 0) co_return;
    auto sent = co_await write_all(*stream, std::span(chunk).first(*count), limits);
    if (!sent) co_return;
  }
}

std::unique_ptr<Listener> listen_echo(StartedRuntime& os, const std::string& host = "127.0.0.1") {
  auto on_accept = [&os](std::unique_ptr<Stream> stream) {
    spawn(echo(std::move(stream), os.gate().enter(), os.token()));
  };
  auto listener = os->network->listen({host, 0}, os->executors, on_accept);
  EXPECT_TRUE(listener.has_value()) << listener.error().context;
  return std::move(*listener);
}

// A plain blocking socket, so that the other side is not our own code.
FileHandle connect_plain(uint16_t port) {
  FileHandle socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto endpoint = Endpoint::from_numeric({"127.0.0.1", port});
  EXPECT_EQ(::connect(socket.get(), endpoint->get(), endpoint->length), 0);
  return socket;
}

std::string read_plain(int socket, size_t size) {
  std::string text(size, '\0');
  size_t done = 0;
  while (done < size) {
    const ssize_t count = ::recv(socket, text.data() + done, size - done, 0);
    if (count <= 0) break;
    done += static_cast<size_t>(count);
  }
  text.resize(done);
  return text;
}

Task<void> round_trips(Runtime& runtime, Address address, size_t size, int rounds) {
  auto stream = co_await runtime.network->connect(*runtime.executors[0], address, seconds(5));
  EXPECT_TRUE(stream.has_value()) << stream.error().context;
  if (!stream) co_return;
  EXPECT_EQ((*stream)->peer().port, address.port);
  std::vector<std::byte> sent(size, std::byte{7});
  std::vector<std::byte> got(size);
  for (int i = 0; i < rounds; ++i) {
    sent[size / 2] = static_cast<std::byte>(i);
    auto written = co_await write_all(**stream, sent);
    EXPECT_TRUE(written.has_value());
    auto read = co_await read_exactly(**stream, got);
    EXPECT_TRUE(read.has_value());
    EXPECT_EQ(sent, got);
  }
}

TEST(Network, EchoesOverIPv4IPv6AndNames) {
  StartedRuntime os(2);
  for (const std::string host : {"127.0.0.1", "::1", "localhost", ""}) {
    auto listener = listen_echo(os, host);
    const std::string to = host.empty() ? "127.0.0.1" : host;
    const Address address{to, listener->local().port};
    os.run([&] { return round_trips(*os, address, 100, 50); });
    os.run([&] { return round_trips(*os, address, 100'000, 5); });
  }
}

TEST(Network, WildcardTakesBothFamilies) {
  StartedRuntime os;
  auto listener = listen_echo(os, "");
  const uint16_t port = listener->local().port;
  os.run([&] { return round_trips(*os, {"127.0.0.1", port}, 10, 1); });
  os.run([&] { return round_trips(*os, {"::1", port}, 10, 1); });
}

TEST(Network, SpreadsStreamsOverExecutors) {
  StartedRuntime os(2);
  std::promise<void> all;
  Guarded<std::vector<uint32_t>> indexes;
  auto on_accept = [&](std::unique_ptr<Stream> stream) {
    EXPECT_TRUE(stream->executor().is_current());
    auto list = indexes.lock();
    list->push_back(stream->executor().index());
    if (list->size() == 6) all.set_value();
  };
  auto listener = os->network->listen({"127.0.0.1", 0}, os->executors, on_accept);
  ASSERT_TRUE(listener.has_value());
  std::vector<FileHandle> sockets;
  for (int i = 0; i < 6; ++i) sockets.push_back(connect_plain((*listener)->local().port));
  all.get_future().wait();
  EXPECT_EQ(std::ranges::count(*indexes.lock(), 0u), 3);
  EXPECT_EQ(std::ranges::count(*indexes.lock(), 1u), 3);
}

// Finds the socket among this process's descriptors.
void expect_tuned(const Address& local, const Address& peer) {
  int found = 0;
  for (int fd = 3; fd < 64; ++fd) {
    if (Endpoint::peer_of(fd).to_address() != peer) continue;
    if (Endpoint::local_of(fd).to_address() != local) continue;
    ++found;
    int no_delay = 0;
    socklen_t size = sizeof no_delay;
    EXPECT_EQ(::getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, &size), 0);
    EXPECT_NE(no_delay, 0);
    EXPECT_NE(linux_os::CongestionControl::of(fd), "bbr");
  }
  EXPECT_EQ(found, 1);
}

Task<void> connect_tuned(Runtime& runtime, Address address) {
  auto stream = co_await runtime.network->connect(*runtime.executors[0], address, seconds(5));
  EXPECT_TRUE(stream.has_value());
  if (stream) expect_tuned((*stream)->local(), (*stream)->peer());
}

TEST(Network, ConnectedSocketsHaveNoDelayAndNoPacing) {
  StartedRuntime os;
  auto listener = listen_echo(os);
  os.run([&] { return connect_tuned(*os, listener->local()); });
}

TEST(Network, AcceptedSocketsHaveNoDelayAndNoPacing) {
  StartedRuntime os;
  std::promise<int> accepted;
  std::unique_ptr<Stream> kept;
  auto on_accept = [&](std::unique_ptr<Stream> stream) {
    kept = std::move(stream);
    accepted.set_value(0);
  };
  auto listener = os->network->listen({"127.0.0.1", 0}, os->executors, on_accept);
  ASSERT_TRUE(listener.has_value());
  const FileHandle client = connect_plain((*listener)->local().port);
  accepted.get_future().wait();
  expect_tuned(kept->local(), kept->peer());
  os.on(0, [&] { kept.reset(); });
}

Task<void> connect_fails(Runtime& runtime, Address address, Cause cause) {
  auto stream =
      co_await runtime.network->connect(*runtime.executors[0], address, milliseconds(2000));
  EXPECT_FALSE(stream.has_value());
  if (!stream) {
    EXPECT_EQ(stream.error().cause, cause) << stream.error().context;
    EXPECT_EQ(stream.error().code, ErrorCode::kNetworkException);
  }
}

TEST(Network, ConnectSaysWhyItFailed) {
  StartedRuntime os;
  auto listener = listen_echo(os);
  const uint16_t port = listener->local().port;
  os.on(0, [&] { listener.reset(); });
  os.run([&] { return connect_fails(*os, {"127.0.0.1", port}, Cause::kRefused); });
  os.run([&] { return connect_fails(*os, {"no-such-host.invalid", 9092}, Cause::kNotFound); });
}

// A listener whose backlog is full and that never accepts makes the next attempt hang.
TEST(Network, ConnectTimesOut) {
  StartedRuntime os;
  FileHandle full(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  auto endpoint = Endpoint::from_numeric({"127.0.0.1", 0});
  ASSERT_EQ(::bind(full.get(), endpoint->get(), endpoint->length), 0);
  ASSERT_EQ(::listen(full.get(), 0), 0);
  const uint16_t port = Endpoint::local_of(full.get()).to_address().port;
  const FileHandle first = connect_plain(port);
  auto attempt = [](Runtime& runtime, uint16_t to) -> Task<void> {
    const Instant start = runtime.clock->now();
    auto stream = co_await runtime.network->connect(*runtime.executors[0], {"127.0.0.1", to},
                                                    milliseconds(60));
    EXPECT_FALSE(stream.has_value());
    if (!stream) EXPECT_EQ(stream.error().cause, Cause::kClosed);
    EXPECT_GE(runtime.clock->now() - start, milliseconds(60));
  };
  os.run([&] { return attempt(*os, port); });
}

TEST(Network, ListenSaysWhyItFailed) {
  StartedRuntime os;
  auto listener = listen_echo(os);
  auto ignore = [](std::unique_ptr<Stream>) {};
  auto second = os->network->listen(listener->local(), os->executors, ignore);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().cause, Cause::kInUse);
  auto elsewhere = os->network->listen({"192.0.2.1", 0}, os->executors, ignore);
  ASSERT_FALSE(elsewhere.has_value());
  EXPECT_EQ(elsewhere.error().cause, Cause::kNotFound);
}

TEST(Network, APortIsFreeOnceItsListenerIsClosed) {
  StartedRuntime os;
  auto listener = listen_echo(os);
  const Address address = listener->local();
  const FileHandle lingering = connect_plain(address.port);
  listener->close();
  listener->close();
  auto again = os->network->listen(address, os->executors, [](std::unique_ptr<Stream>) {});
  EXPECT_TRUE(again.has_value()) << again.error().context;
}

Task<void> read_end(std::unique_ptr<Stream> stream, std::promise<Transfer::State>* state) {
  co_await readable(*stream);
  std::byte byte{};
  const Transfer transfer = stream->try_read({&byte, 1});
  state->set_value(transfer.state);
}

TEST(Network, SeesTheEndAndTheReset) {
  StartedRuntime os;
  for (const bool with_reset : {false, true}) {
    std::promise<Transfer::State> state;
    auto on_accept = [&](std::unique_ptr<Stream> s) { spawn(read_end(std::move(s), &state)); };
    auto listener = os->network->listen({"127.0.0.1", 0}, os->executors, on_accept);
    ASSERT_TRUE(listener.has_value());
    FileHandle client = connect_plain((*listener)->local().port);
    const linger reset{.l_onoff = with_reset, .l_linger = 0};
    ::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    client.reset();
    EXPECT_EQ(state.get_future().get(),
              with_reset ? Transfer::State::kFailed : Transfer::State::kEnd);
  }
}

// Data and the end arrive together, and the first read is shorter than its buffer: the end must
// still wake the reader.
TEST(Network, AnEndBehindAShortReadIsNotMissed) {
  StartedRuntime os;
  for (int round = 0; round < 200; ++round) {
    std::promise<size_t> total;
    auto drain = [](std::unique_ptr<Stream> stream, std::promise<size_t>* into) -> Task<void> {
      std::vector<std::byte> chunk(1000);
      size_t sum = 0;
      while (true) {
        auto count = co_await read_some(*stream, chunk);
        if (!count || *count == 0) break;
        sum += *count;
      }
      into->set_value(sum);
    };
    auto on_accept = [&](std::unique_ptr<Stream> s) { spawn(drain(std::move(s), &total)); };
    auto listener = os->network->listen({"127.0.0.1", 0}, os->executors, on_accept);
    ASSERT_TRUE(listener.has_value());
    FileHandle client = connect_plain((*listener)->local().port);
    ASSERT_EQ(::send(client.get(), "hello", 5, 0), 5);
    if (round % 2 == 0) std::this_thread::yield();
    client.reset();
    auto future = total.get_future();
    ASSERT_EQ(future.wait_for(seconds(10)), std::future_status::ready);
    EXPECT_EQ(future.get(), 5u);
  }
}

Task<void> send_file(std::unique_ptr<Stream> stream, FileRange range, std::promise<bool>* ended) {
  std::string head = "head:";
  auto sent = co_await write_all(*stream, bytes::as_bytes(head));
  EXPECT_TRUE(sent.has_value());
  while (range.size > 0) {
    const Transfer transfer = stream->try_send_file(range, false);
    if (transfer.state == Transfer::State::kFailed) break;
    if (transfer.state == Transfer::State::kWouldBlock) {
      co_await writable(*stream);
      continue;
    }
    range.at += transfer.count;
    range.size -= transfer.count;
  }
  ended->set_value(range.size == 0);
}

// As a file without a descriptor, the simulator's kind.
class NoDescriptor final : public File {
 public:
  explicit NoDescriptor(std::shared_ptr<File> file) : file_(std::move(file)) {}
  Result<size_t> pread(uint64_t at, bytes::MutableByteSpan into) override {
    return file_->pread(at, into);
  }
  Result<void> pwritev(uint64_t, std::span<const bytes::ByteSpan>) override { return {}; }
  Result<uint64_t> size() override { return file_->size(); }
  Result<void> truncate(uint64_t) override { return {}; }
  Result<void> sync() override { return {}; }
  size_t read_cached(uint64_t, bytes::MutableByteSpan) override { return 0; }
  bool is_cached(uint64_t, size_t) override { return true; }
  int descriptor() const override { return -1; }

 private:
  std::shared_ptr<File> file_;
};

class SendFile : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = ::testing::TempDir() + "semel_send_file";
    for (int i = 0; i < 500'000; ++i) content_ += static_cast<char>('a' + i % 23);
    ASSERT_TRUE(replace_file(*os_->disk, path_, bytes::as_bytes(content_)));
    file_ = std::move(*os_->disk->open(path_, OpenMode::kRead));
  }
  void TearDown() override { EXPECT_TRUE(os_->disk->remove(path_)); }

  std::string transfer(FileRange range, size_t expected_size, bool expected_whole) {
    std::promise<bool> ended;
    auto on_accept = [&](std::unique_ptr<Stream> s) {
      spawn(send_file(std::move(s), range, &ended));
    };
    auto listener = os_->network->listen({"127.0.0.1", 0}, os_->executors, on_accept);
    const FileHandle client = connect_plain((*listener)->local().port);
    std::string got = read_plain(client.get(), expected_size);
    EXPECT_EQ(ended.get_future().get(), expected_whole);
    return got;
  }

  StartedRuntime os_;
  std::string path_;
  std::string content_;
  std::shared_ptr<File> file_;
};

TEST_F(SendFile, SendsARange) {
  const FileRange range{file_, 1000, 490'000};
  EXPECT_EQ(transfer(range, 490'005, true), "head:" + content_.substr(1000, 490'000));
}

TEST_F(SendFile, SendsARangeOfAFileWithoutADescriptor) {
  const FileRange range{std::make_shared<NoDescriptor>(file_), 1000, 490'000};
  EXPECT_EQ(transfer(range, 490'005, true), "head:" + content_.substr(1000, 490'000));
}

TEST_F(SendFile, FailsWhereTheFileIsShorterThanPromised) {
  const FileRange range{file_, content_.size() - 10, 20};
  EXPECT_EQ(transfer(range, 15, false), "head:" + content_.substr(content_.size() - 10));
}

TEST(Network, RestsWhenDescriptorsRunOut) {
  StartedRuntime os;
  auto listener = listen_echo(os);
  const uint16_t port = listener->local().port;
  const FileHandle client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const FileHandle probe(::dup(client.get()));
  const rlimit tight{static_cast<rlim_t>(probe.get()), before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  const auto endpoint = Endpoint::from_numeric({"127.0.0.1", port});
  ASSERT_EQ(::connect(client.get(), endpoint->get(), endpoint->length), 0);
  ASSERT_EQ(::send(client.get(), "abc", 3, 0), 3);
  std::this_thread::sleep_for(milliseconds(30));
  char byte = 0;
  EXPECT_EQ(::recv(client.get(), &byte, 1, MSG_DONTWAIT), -1) << "nobody can have accepted it";
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(read_plain(client.get(), 3), "abc");
}

TEST(Endpoint, WritesMappedIPv4Plainly) {
  const auto mapped = Endpoint::from_numeric({"::ffff:127.0.0.2", 5});
  ASSERT_TRUE(mapped.has_value());
  EXPECT_EQ(mapped->to_address(), (Address{"127.0.0.2", 5}));
  EXPECT_TRUE(mapped->is_loopback());
  EXPECT_FALSE(Endpoint::from_numeric({"10.0.0.1", 5})->is_loopback());
  EXPECT_TRUE(Endpoint::from_numeric({"::1", 5})->is_loopback());
  EXPECT_FALSE(Endpoint::from_numeric({"localhost", 5}).has_value());
}

}  // namespace
}  // namespace semel::rt
