// SPDX-License-Identifier: PostgreSQL
#include "delivery.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include <chrono>
#include <memory>

namespace stand_in {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;

class WebhookPost : public std::enable_shared_from_this<WebhookPost> {
 public:
  WebhookPost(asio::io_context& context, const LoopbackUrl& url, const HeaderLines& headers, std::string body,
              std::function<void(int)> done)
      : stream_(context), port_(url.port), done_(std::move(done)) {
    request_.method(http::verb::post);
    request_.target(url.target);
    request_.set(http::field::host, url.host);
    request_.set(http::field::content_type, "application/json");
    request_.set(http::field::user_agent, "Replicate Webhooks");
    request_.set(http::field::connection, "close");
    for (const auto& [name, value] : headers) request_.set(name, value);
    request_.body() = std::move(body);
    request_.prepare_payload();
  }

  void start() {
    stream_.expires_after(std::chrono::seconds(10));
    const tcp::endpoint receiver(asio::ip::address_v4::loopback(), port_);
    stream_.async_connect(receiver, [self = shared_from_this()](beast::error_code error) {
      if (error) return self->finish(0);
      self->write();
    });
  }

 private:
  void write() {
    http::async_write(stream_, request_, [self = shared_from_this()](beast::error_code error, size_t) {
      if (error) return self->finish(0);
      self->read();
    });
  }

  void read() {
    http::async_read(stream_, buffer_, response_, [self = shared_from_this()](beast::error_code error, size_t) {
      self->finish(error ? 0 : static_cast<int>(self->response_.result_int()));
    });
  }

  void finish(int status) {
    stream_.close();
    done_(status);
  }

  beast::tcp_stream stream_;
  uint16_t port_;
  beast::flat_buffer buffer_;
  http::request<http::string_body> request_;
  http::response<http::string_body> response_;
  std::function<void(int)> done_;
};

}  // namespace

void post_webhook(asio::io_context& context, const LoopbackUrl& url, const HeaderLines& headers, std::string body,
                  std::function<void(int)> done) {
  std::make_shared<WebhookPost>(context, url, headers, std::move(body), std::move(done))->start();
}

}  // namespace stand_in
