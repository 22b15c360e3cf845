// semel_floor: the least that a broker must do on this machine. One thread, level-triggered epoll:
// receive a Produce frame, CRC-32C its batch, append it to one file with pwrite, acknowledge;
// answer a Fetch by sendfile, at once or when something is appended. No partitions, no dedup, no
// validation, no offsets in the batch. With --flush, one fdatasync for all that one turn of the
// loop received.
#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bytes/crc32c.h"
#include "bytes/reader.h"
#include "bytes/writer.h"
#include "record/batch_header.h"

namespace semel::bench {
namespace {

volatile sig_atomic_t should_stop = 0;

struct Peer {
  int fd;
  std::vector<std::byte> input = std::vector<std::byte>(64 << 10);
  size_t held = 0;
  bytes::Writer output;
  size_t sent = 0;
  off_t file_at = 0;  // what follows `output` from the file
  size_t file_left = 0;
  size_t tags_left = 0;  // of the three empty tag sections that end a Fetch answer
  bool waits = false;    // for an append
  bool has_asked = false;
  int32_t fetch_correlation = 0;
  int64_t fetch_at = 0;
  size_t fetch_max = 0;
  bool is_write_watched = false;
};

class Floor {
 public:
  Floor(uint16_t port, const char* path, bool does_flush)
      : does_flush_(does_flush),
        epoll_(::epoll_create1(0)),
        file_(::open(path, O_CREAT | O_TRUNC | O_RDWR, 0644)),
        listener_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) {
    const int on = 1;
    ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (file_ < 0 ||
        ::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
      std::perror("semel_floor: cannot use the file or the port");
      std::exit(1);
    }
    ::listen(listener_, 1024);
    watch(listener_, nullptr, EPOLLIN, EPOLL_CTL_ADD);
    std::puts("floor ready");
    std::fflush(stdout);
  }

  void run() {
    while (should_stop == 0) turn();
  }

 private:
  void watch(int fd, Peer* peer, uint32_t events, int operation) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = peer;
    ::epoll_ctl(epoll_, operation, fd, &event);
  }

  void turn() {
    std::array<epoll_event, 256> events;
    const int count = ::epoll_wait(epoll_, events.data(), events.size(), 1000);
    const int64_t before = end_;
    for (int i = 0; i < count; ++i) {
      auto* peer = static_cast<Peer*>(events[static_cast<size_t>(i)].data.ptr);
      if (peer == nullptr)
        accept_one();
      else if ((events[static_cast<size_t>(i)].events & ~EPOLLOUT) != 0)
        receive(*peer);
      else
        send(*peer);
    }
    if (end_ == before) return;
    if (does_flush_ && ::fdatasync(file_) != 0) std::abort();
    for (int i = 0; does_flush_ && i < count; ++i) {
      auto* peer = static_cast<Peer*>(events[static_cast<size_t>(i)].data.ptr);
      if (peer != nullptr && peer->fd >= 0) send(*peer);
    }
    for (auto& peer : peers_)
      if (peer->waits) answer_fetch(*peer);
  }

  void accept_one() {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK);
    if (fd < 0) return;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    peers_.push_back(std::make_unique<Peer>(Peer{.fd = fd}));
    watch(fd, peers_.back().get(), EPOLLIN, EPOLL_CTL_ADD);
  }

  void receive(Peer& peer) {
    const ssize_t got =
        ::recv(peer.fd, peer.input.data() + peer.held, peer.input.size() - peer.held, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
      ::close(peer.fd);
      peer.fd = -1;
      peer.waits = false;
      return;
    }
    peer.held += static_cast<size_t>(got);
    size_t at = 0;
    size_t wanted = 0;
    while (peer.held - at >= 4) {
      const size_t size = 4 + bytes::load_be<uint32_t>(peer.input.data() + at);
      wanted = size;
      if (peer.held - at < size) break;
      serve(peer, {peer.input.data() + at, size});
      at += size;
    }
    peer.held -= at;
    std::memmove(peer.input.data(), peer.input.data() + at, peer.held);
    if (wanted > peer.input.size()) peer.input.resize(wanted);
    if (!does_flush_) send(peer);
  }

  void serve(Peer& peer, bytes::ByteSpan frame) {
    bytes::Reader reader(frame);
    reader.skip(4);
    const int16_t key = reader.read_i16();
    reader.skip(2);
    const int32_t correlation = reader.read_i32();
    reader.skip(static_cast<size_t>(reader.read_i16()));
    reader.skip(1);
    if (key == 0)
      produce(peer, reader, correlation);
    else
      fetch(peer, reader, correlation);
  }

  void produce(Peer& peer, bytes::Reader& reader, int32_t correlation) {
    reader.skip(1);  // no transactional id
    const int16_t acks = reader.read_i16();
    reader.skip(4 + 1);
    const bytes::ByteSpan name = reader.read_span(reader.read_uvarint() - 1);
    reader.skip(1);
    const int32_t partition = reader.read_i32();
    const bytes::ByteSpan batch = reader.read_span(reader.read_uvarint() - 1);
    using Layout = record::BatchHeaderLayout;
    const uint32_t crc = bytes::crc32c(batch.subspan(offsetof(Layout, attributes)));
    const bool is_right = crc == bytes::load_be<uint32_t>(batch.data() + offsetof(Layout, crc));
    if (!is_right ||
        ::pwrite(file_, batch.data(), batch.size(), end_) != static_cast<ssize_t>(batch.size()))
      std::abort();
    batch_size_ = batch.size();
    batch_records_ =
        1 + bytes::load_be<int32_t>(batch.data() + offsetof(Layout, last_offset_delta));
    const int64_t offset = end_ / static_cast<int64_t>(batch.size()) * batch_records_;
    end_ += static_cast<int64_t>(batch.size());
    if (acks == 0) return;
    bytes::Writer& out = peer.output;
    const size_t start = out.size();
    out.put_i32(0);
    out.put_i32(correlation);
    out.put_i8(0);
    out.put_uvarint(2);
    out.put_uvarint(static_cast<uint32_t>(name.size() + 1));
    out.put_bytes(name);
    out.put_uvarint(2);
    out.put_i32(partition);
    out.put_i16(0);
    out.put_i64(offset);
    out.put_i64(-1);
    out.put_i64(0);
    out.put_uvarint(1);  // no record errors
    out.put_uvarint(0);  // no message
    out.put_i8(0);
    out.put_i8(0);
    out.put_i32(0);
    out.put_i8(0);
    out.patch_be(start, static_cast<int32_t>(out.size() - start - 4));
  }

  void fetch(Peer& peer, bytes::Reader& reader, int32_t correlation) {
    reader.skip(4 + 4 + 4 + 4 + 1 + 4 + 4 + 1);
    reader.skip(reader.read_uvarint() - 1);
    reader.skip(1 + 4 + 4);
    const int64_t offset = reader.read_i64();
    reader.skip(4 + 8);
    peer.fetch_max = static_cast<size_t>(reader.read_i32());
    peer.fetch_correlation = correlation;
    peer.fetch_at =
        batch_records_ == 0 ? 0 : offset / batch_records_ * static_cast<int64_t>(batch_size_);
    answer_fetch(peer);
  }

  void answer_fetch(Peer& peer) {
    const auto there = static_cast<size_t>(end_ - peer.fetch_at);
    peer.waits = there == 0 && (end_ > 0 || peer.has_asked);
    peer.has_asked = true;  // the first answer tells that there is nothing yet
    if (peer.waits) return;
    size_t size = 0;
    if (batch_size_ > 0)
      size = std::min(there, std::max(peer.fetch_max / batch_size_, size_t{1}) * batch_size_);
    bytes::Writer& out = peer.output;
    const size_t start = out.size();
    out.put_i32(0);
    out.put_i32(peer.fetch_correlation);
    out.put_i8(0);
    out.put_i32(0);
    out.put_i16(0);
    out.put_i32(0);
    out.put_uvarint(2);
    out.put_uvarint(2);
    out.put_i8('t');
    out.put_uvarint(2);
    out.put_i32(0);
    out.put_i16(0);
    const int64_t high_watermark =
        batch_size_ == 0 ? 0 : end_ / static_cast<int64_t>(batch_size_) * batch_records_;
    out.put_i64(high_watermark);
    out.put_i64(high_watermark);
    out.put_i64(0);
    out.put_uvarint(0);
    out.put_i32(-1);
    out.put_uvarint(static_cast<uint32_t>(size + 1));
    out.patch_be(start, static_cast<int32_t>(out.size() - start - 4 + size + 3));
    peer.file_at = peer.fetch_at;
    peer.file_left = size;
    peer.tags_left = 3;
    send(peer);
  }

  /// The bytes of `output`, then of the file, then the three empty tag sections of a Fetch answer.
  void send(Peer& peer) {
    static constexpr std::array<char, 3> kTags{};
    const bytes::ByteSpan out = peer.output.written();
    const int more = peer.tags_left > 0 ? MSG_MORE : 0;
    if (peer.sent < out.size()) {
      const ssize_t sent =
          ::send(peer.fd, out.data() + peer.sent, out.size() - peer.sent, MSG_NOSIGNAL | more);
      if (sent > 0) peer.sent += static_cast<size_t>(sent);
    }
    if (peer.sent == out.size() && peer.file_left > 0) {
      const ssize_t sent = ::sendfile(peer.fd, file_, &peer.file_at, peer.file_left);
      if (sent > 0) peer.file_left -= static_cast<size_t>(sent);
    }
    if (peer.sent == out.size() && peer.file_left == 0 && peer.tags_left > 0) {
      const ssize_t sent = ::send(peer.fd, kTags.data(), peer.tags_left, MSG_NOSIGNAL);
      if (sent > 0) peer.tags_left -= static_cast<size_t>(sent);
    }
    const bool is_done = peer.sent == out.size() && peer.file_left == 0 && peer.tags_left == 0;
    if (is_done) {
      peer.output.clear();
      peer.sent = 0;
    }
    if (is_done != peer.is_write_watched) return;
    peer.is_write_watched = !is_done;
    watch(peer.fd, &peer, is_done ? EPOLLIN : EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
  }

  bool does_flush_;
  int epoll_;
  int file_;
  int listener_;
  int64_t end_ = 0;
  size_t batch_size_ = 0;
  int64_t batch_records_ = 0;
  std::vector<std::unique_ptr<Peer>> peers_;
};

}  // namespace
}  // namespace semel::bench

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: semel_floor PORT FILE [--flush]\n");
    return 2;
  }
  const auto stop = [](int) { semel::bench::should_stop = 1; };
  std::signal(SIGTERM, stop);
  std::signal(SIGPIPE, SIG_IGN);
  semel::bench::Floor floor(static_cast<uint16_t>(std::atoi(argv[1])), argv[2],
                            argc > 3 && std::strcmp(argv[3], "--flush") == 0);
  floor.run();
  return 0;
}
