// SPDX-License-Identifier: PostgreSQL
// Many HTTP transfers in one thread, over libcurl. All of curl's sockets are behind one epoll descriptor, so that the
// caller waits on a single one together with whatever else it waits for, calls act() when it is readable or the
// deadline has passed, and collects the answers. Creating requests are sent at most once by construction. It knows
// neither PostgreSQL nor the provider's protocol, and never throws through libcurl.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace atelier::http {

struct Options {
  size_t max_transfers = 128;  // the caller keeps to it; so many connections are kept for the next ones
  std::string ca_file;         // empty: the system's certificates
  std::string user_agent;
  bool allow_plain_http = false;  // http:// to loopback addresses
};

// A body that is read from a file while it is sent, between two texts.
struct FileBody {
  std::string before;
  int fd = -1;  // the caller's, open until the answer has come
  int64_t size = 0;
  std::string after;
};

struct Request {
  uint64_t id = 0;  // the caller's; comes back with the answer
  std::string method;
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
  std::optional<std::string> body;
  std::optional<FileBody> file;  // instead of `body`
  int sink_fd = -1;              // where the answer's body is written instead of Answer::body; the caller's
  bool only_public = false;      // no socket to an address that is not public, and no connection of others
  bool creates = false;          // must reach the server at most once
  int64_t timeout_ms = 30'000;
  int64_t connect_timeout_ms = 5'000;
  size_t max_body_bytes = size_t{16} << 20;
};

enum class Delivery {
  delivered,   // a whole answer came back
  not_sent,    // nothing of the request left this machine
  maybe_sent,  // anything else
};

struct Answer {
  uint64_t id = 0;
  Delivery delivery = Delivery::maybe_sent;
  int curl_code = 0;
  std::string error;  // what failed, for people; no secret
  long status = 0;    // 0 unless delivered
  std::string content_type, retry_after, ratelimit_reset, ratelimit_remaining;
  std::string body;
  int64_t sunk_bytes = 0;  // written to sink_fd
  bool body_too_large = false;
  bool address_refused = false;
  int repeats = 0;  // sent once more, since a connection that was used again had died; never what creates
  int64_t total_us = 0;
};

class Multi {
 public:
  explicit Multi(Options options);
  ~Multi();
  Multi(const Multi&) = delete;
  Multi& operator=(const Multi&) = delete;

  int fd() const noexcept;
  // How long the caller may sleep at most; nullopt: until fd() is readable.
  std::optional<int64_t> timeout_ms() const;
  size_t in_flight() const noexcept;

  // For the transfers to come.
  void configure(Options options);
  // Starts a transfer. A request that cannot be made (bad header, bad URL) is answered as not_sent.
  void add(Request request);
  void act();
  std::vector<Answer> take_done();
  void abort_all() noexcept;

 private:
  struct Inside;
  std::unique_ptr<Inside> inside_;
};

}  // namespace atelier::http
