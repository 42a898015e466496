// SPDX-License-Identifier: PostgreSQL
#include "session.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>

#include "router.hpp"
#include "wire.hpp"

namespace stand_in {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using Error = boost::system::error_code;

// Above every limit that a handler checks, so that the handlers' own answers are seen.
constexpr uint64_t kMostBodyBytes = 256u << 20;
constexpr uint32_t kMostHeaderBytes = 64u << 10;

template <typename Text>
std::string_view as_view(const Text& text) {
  return {text.data(), text.size()};
}

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, Service& service)
      : socket_(std::move(socket)), timer_(socket_.get_executor()), service_(service) {
    service_.stats.connections_accepted++;
    service_.stats.connections_open++;
  }

  ~Session() {
    end_request();
    service_.stats.connections_open--;
  }

  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void read() {
    parser_.emplace();
    parser_->body_limit(kMostBodyBytes);
    parser_->header_limit(kMostHeaderBytes);
    http::async_read(socket_, buffer_, *parser_, [self = shared_from_this()](Error error, size_t) {
      if (!error) return self->service_.away ? self->reset() : self->handle();
      if (error == http::error::body_limit) return self->refuse(413);
      if (error.category() == http::make_error_code(http::error::bad_method).category() &&
          error != http::error::end_of_stream && error != http::error::partial_message) {
        self->refuse(400);
      }
    });
  }

 private:
  using Parser = http::request_parser<http::string_body>;

  // The view of the parsed message that handlers get.
  Request request() const {
    const auto& message = parser_->get();
    Request request;
    request.method = as_view(message.method_string());
    const std::string_view target = as_view(message.target());
    const size_t question = std::min(target.find('?'), target.size());
    request.path = target.substr(0, question);
    request.query = target.substr(std::min(question + 1, target.size()));
    request.authorization = as_view(message[http::field::authorization]);
    request.content_type = as_view(message[http::field::content_type]);
    request.prefer = as_view(message[http::field::prefer]);
    request.cancel_after = as_view(message["Cancel-After"]);
    request.expects_continue = !message[http::field::expect].empty();
    request.body = message.body();
    request.arrived_us = now_us();
    return request;
  }

  void handle() {
    const Request request = this->request();
    counted_ = false;
    keep_alive_ = parser_->keep_alive();
    accepts_gzip_ = as_view(parser_->get()[http::field::accept_encoding]).find("gzip") != std::string_view::npos;
    if (is_api(request.path)) {
      counted_ = outstanding_ = true;
      service_.stats.begin_request();
    }
    const bool malformed =
        !request.path.starts_with('/') || (parser_->get().version() == 11 && parser_->get()[http::field::host].empty());
    if (malformed) return refuse(400);
    deliver(answer_request(service_, request));
  }

  // Answers what was not understood, and closes.
  void refuse(int status) {
    keep_alive_ = false;
    deliver(problem(status, status == 413 ? "Payload too large" : "Bad request", "The request was not understood."));
  }

  void deliver(Answer answer) {
    if (answer.delay_us <= 0) return finish(std::move(answer));
    watch();
    timer_.expires_after(std::chrono::microseconds(answer.delay_us));
    timer_.async_wait([self = shared_from_this(), answer = std::move(answer)](Error error) mutable {
      if (!error) self->finish(std::move(answer));
    });
  }

  // Nobody waits any more for the answer to a client that has gone, though what the request does is done.
  void watch() {
    socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](Error error) {
      if (error || !self->outstanding_) return;
      char byte = 0;
      const ssize_t length = recv(self->socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
      if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return self->watch();
      if (length <= 0) self->end_request();
    });
  }

  void finish(Answer answer) {
    if (answer.later) {
      Answer final_answer = answer.later();
      final_answer.headers = answer.headers + final_answer.headers;
      return deliver(std::move(final_answer));
    }
    if (service_.away && counted_) return reset();
    switch (answer.delivery) {
      case Delivery::kReset:
        return reset();
      case Delivery::kClose:
        return close();
      case Delivery::kHang:
        return hang();
      case Delivery::kTruncated:
        keep_alive_ = false;
        break;
      case Delivery::kWhole:
        break;
    }
    if (counted_) service_.stats.by_status[static_cast<size_t>(answer.status)]++;
    const bool truncated = answer.delivery == Delivery::kTruncated;
    wire_ = encode(std::move(answer), keep_alive_, accepts_gzip_);
    if (truncated) wire_.body.resize(wire_.body.size() / 2);
    write();
  }

  void write() {
    const std::array<asio::const_buffer, 2> buffers = {asio::buffer(wire_.head), asio::buffer(wire_.body)};
    asio::async_write(socket_, buffers, [self = shared_from_this()](Error error, size_t) {
      self->end_request();
      if (error) return;
      if (!self->keep_alive_) return self->close();
      self->read();
    });
  }

  void reset() {
    Error ignored;
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    socket_.close(ignored);
  }

  // Says goodbye first, and waits for the other side's, so that what was written arrives.
  void close() {
    Error ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    drain();
  }

  void drain() {
    socket_.async_read_some(asio::buffer(scratch_), [self = shared_from_this()](Error error, size_t) {
      if (!error) self->drain();
    });
  }

  // Until the client goes away.
  void hang() { drain(); }

  void end_request() {
    if (outstanding_) service_.stats.end_request();
    outstanding_ = false;
  }

  tcp::socket socket_;
  asio::steady_timer timer_;
  Service& service_;
  beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  WireAnswer wire_;
  std::array<char, 1024> scratch_{};
  bool keep_alive_ = true;
  bool accepts_gzip_ = false;
  bool counted_ = false;      // the request under way belongs to the API
  bool outstanding_ = false;  // and its client waits for the answer
};

}  // namespace

void start_session(tcp::socket socket, Service& service) {
  std::make_shared<Session>(std::move(socket), service)->read();
}

}  // namespace stand_in
