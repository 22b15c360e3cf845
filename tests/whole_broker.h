// A real broker in this process, on a loopback port and a fresh directory, and a client that waits
// for its answers. The client's work is on the calling thread, the broker's on threads of its own.
#pragma once

#include <filesystem>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/workload.h"
#include "broker/broker.h"
#include "gen/create_topics.h"
#include "gen/fetch.h"
#include "gen/init_producer_id.h"
#include "rt/linux/linux_runtime.h"

namespace semel::tests {

class WholeBroker {
 public:
  /// `settings`: "key=value" as --set takes them. One reactor.
  explicit WholeBroker(const std::vector<std::string>& settings) {
    std::string name = (std::filesystem::temp_directory_path() / "semel-whole-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
    folder_ = name;
    broker::ConfigSources sources;
    sources.data_dir = (folder_ / "d").string();
    sources.listen = "127.0.0.1:0";
    for (const std::string& text : settings) {
      const size_t equals = text.find('=');
      sources.overrides.push_back({text.substr(0, equals), text.substr(equals + 1), "test"});
    }
    auto config = broker::make_config(sources);
    if (!config) throw std::runtime_error(config.error().context);
    os_ = std::move(*rt::LinuxRuntime::create({.reactors = 1, .io_threads = 2}));
    broker_.emplace(os_->runtime(), std::move(*config), [](const Error&) { std::abort(); });
    home().post([this] { rt::spawn(start()); });
    reactor_ = std::thread([this] { os_->run(); });
    port_ = port_promise_.get_future().get();
    if (port_ == 0) throw std::runtime_error("the broker did not start");
  }
  ~WholeBroker() {
    home().post([this] { rt::spawn(stop()); });
    reactor_.join();
    broker_.reset();
    os_.reset();
    std::filesystem::remove_all(folder_);
  }
  WholeBroker(const WholeBroker&) = delete;
  WholeBroker& operator=(const WholeBroker&) = delete;

  uint16_t port() const { return port_; }
  /// Runs `work` on the reactor and waits for it.
  template <class Work>
  void on_reactor(Work work) {
    std::promise<void> done;
    home().post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }

 private:
  rt::Executor& home() { return *os_->runtime().executors.front(); }
  rt::Task<void> start() {
    auto ready = co_await broker_->start();
    port_promise_.set_value(ready ? ready->addresses.front().port : uint16_t{0});
  }
  rt::Task<void> stop() {
    co_await broker_->stop();
    os_->request_stop();
  }

  std::filesystem::path folder_;
  std::unique_ptr<rt::LinuxRuntime> os_;
  std::optional<broker::Broker> broker_;
  std::promise<uint16_t> port_promise_;
  std::thread reactor_;
  uint16_t port_ = 0;
};

class WholeClient {
 public:
  explicit WholeClient(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("no connection");
  }
  ~WholeClient() { ::close(socket_); }
  WholeClient(const WholeClient&) = delete;
  WholeClient& operator=(const WholeClient&) = delete;

  template <class Request>
  static bytes::Buffer frame_of(const Request& request, int16_t version) {
    bytes::Writer writer;
    const wire::FrameStart start = wire::begin_frame(writer);
    wire::put_request_header(writer, {Request::kApiKey, version, 1, "whole"},
                             Request::is_flexible(version) ? 2 : 1);
    if (!request.encode(writer, version)) throw std::runtime_error("not encoded");
    wire::end_frame(writer, start);
    return writer.take();
  }
  void send(const bytes::Buffer& frame) {
    if (::send(socket_, frame.data(), frame.size(), 0) != static_cast<ssize_t>(frame.size()))
      throw std::runtime_error("not sent");
  }
  template <class Response>
  Response receive(int16_t version) {
    std::byte size_bytes[4];
    read(size_bytes);
    std::vector<std::byte> body(static_cast<size_t>(bytes::load_be<int32_t>(size_bytes)));
    read(body);
    body_ = bytes::Buffer::take(std::move(body));
    bytes::Reader reader(body_);
    Response response;
    if (!wire::read_response_header(reader, Response::is_flexible(version) ? 1 : 0) ||
        !response.decode(reader, version))
      throw std::runtime_error("an answer that cannot be read");
    return response;
  }
  template <class Response, class Request>
  Response call(const Request& request, int16_t version) {
    send(frame_of(request, version));
    return receive<Response>(version);
  }

 private:
  void read(std::span<std::byte> into) {
    if (::recv(socket_, into.data(), into.size(), MSG_WAITALL) != static_cast<ssize_t>(into.size()))
      throw std::runtime_error("the broker closed the connection");
  }

  int socket_;
  bytes::Buffer body_;
};

}  // namespace semel::tests
