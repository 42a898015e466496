// SPDX-License-Identifier: PostgreSQL
// A server on 127.0.0.1 that the tests of src/http write by hand: one thread per connection, which reads requests and
// lets the test decide what goes back, byte by byte, and how the connection ends.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace atelier::http {

struct Seen {
  std::string head;  // request line and headers
  std::string body;
  size_t connection = 0;  // which one it came over, from 0
  size_t number = 0;      // which request of that connection, from 0

  std::string request_line() const { return head.substr(0, head.find("\r\n")); }

  // The value of a header, found without regard to case; empty when there is none.
  std::string header(std::string_view name) const {
    for (size_t line = head.find("\r\n"); line != std::string::npos; line = head.find("\r\n", line)) {
      line += 2;
      const size_t colon = line + name.size();
      if (colon >= head.size() || head[colon] != ':') continue;
      if (strncasecmp(head.data() + line, name.data(), name.size()) != 0) continue;
      const size_t value = head.find_first_not_of(' ', colon + 1);
      return head.substr(value, head.find("\r\n", value) - value);
    }
    return {};
  }
};

// The server's end of a connection.
class Wire {
 public:
  explicit Wire(int fd) : fd_(fd) {}

  // False when the other end is gone.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }

  void answer(std::string_view body, std::string_view status = "200 OK", std::string_view headers = {}) {
    send("HTTP/1.1 " + std::string(status) + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(headers) + "\r\n" + std::string(body));
  }

  void close() { open_ = false; }

  // Ends the connection with RST instead of FIN.
  void reset() {
    const linger at_once{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    open_ = false;
  }

  bool is_open() const { return open_; }

 private:
  int fd_;
  bool open_ = true;
};

// A socket bound to some free port of 127.0.0.1.
class LocalSocket {
 public:
  LocalSocket() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (fd_ < 0 || bind(fd_, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
        getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length) != 0)
      throw std::runtime_error("no socket");
    port_ = ntohs(address.sin_port);
  }
  ~LocalSocket() { ::close(fd_); }
  LocalSocket(const LocalSocket&) = delete;
  LocalSocket& operator=(const LocalSocket&) = delete;

  int fd() const { return fd_; }
  uint16_t port() const { return port_; }
  std::string url(std::string_view path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
  }

 private:
  int fd_;
  uint16_t port_ = 0;
};

class RawServer {
 public:
  // Called for every request, on the thread of its connection.
  using Handler = std::function<void(Wire&, const Seen&)>;

  explicit RawServer(Handler handler) : handler_(std::move(handler)) {
    if (listen(socket_.fd(), 512) != 0) throw std::runtime_error("cannot listen");
    acceptor_ = std::thread([this] { accept_all(); });
  }

  ~RawServer() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      for (const int fd : open_) shutdown(fd, SHUT_RDWR);
    }
    shutdown(socket_.fd(), SHUT_RDWR);
    acceptor_.join();
    for (std::thread& thread : threads_) thread.join();
  }

  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  uint16_t port() const { return socket_.port(); }
  std::string url(std::string_view path) const { return socket_.url(path); }

  std::vector<Seen> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }
  size_t connections() const {
    const std::lock_guard lock(mutex_);
    return connections_;
  }

 private:
  void accept_all() {
    for (int fd = accept(socket_.fd(), nullptr, nullptr); fd >= 0; fd = accept(socket_.fd(), nullptr, nullptr)) {
      const std::lock_guard lock(mutex_);
      if (stopping_) shutdown(fd, SHUT_RDWR);
      open_.push_back(fd);
      threads_.emplace_back([this, fd, number = connections_++] { serve(fd, number); });
    }
  }

  void serve(int fd, size_t connection) {
    Wire wire(fd);
    std::string buffer;
    for (size_t number = 0; wire.is_open(); ++number) {
      auto request = read_request(fd, buffer);
      if (!request) break;
      request->connection = connection;
      request->number = number;
      {
        const std::lock_guard lock(mutex_);
        seen_.push_back(*request);
      }
      handler_(wire, *request);
    }
    const std::lock_guard lock(mutex_);
    open_.erase(std::find(open_.begin(), open_.end(), fd));
    ::close(fd);
  }

  // What lies behind the request stays in the buffer.
  static std::optional<Seen> read_request(int fd, std::string& buffer) {
    const auto more = [&] {
      char bytes[65536];
      const ssize_t length = recv(fd, bytes, sizeof bytes, 0);
      if (length > 0) buffer.append(bytes, static_cast<size_t>(length));
      return length > 0;
    };
    size_t end = 0;
    while ((end = buffer.find("\r\n\r\n")) == std::string::npos)
      if (!more()) return std::nullopt;
    Seen seen;
    seen.head = buffer.substr(0, end + 2);
    buffer.erase(0, end + 4);
    const size_t length = std::strtoul(seen.header("Content-Length").c_str(), nullptr, 10);
    while (buffer.size() < length)
      if (!more()) return std::nullopt;
    seen.body = buffer.substr(0, length);
    buffer.erase(0, length);
    return seen;
  }

  Handler handler_;
  LocalSocket socket_;
  mutable std::mutex mutex_;
  bool stopping_ = false;
  std::vector<Seen> seen_;
  std::vector<int> open_;
  size_t connections_ = 0;
  std::list<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace atelier::http
