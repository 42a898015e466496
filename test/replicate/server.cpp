// SPDX-License-Identifier: PostgreSQL
#include "server.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <chrono>

#include "session.hpp"

namespace stand_in {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

std::vector<std::unique_ptr<asio::io_context>> make_contexts(int threads) {
  std::vector<std::unique_ptr<asio::io_context>> contexts;
  for (int i = 0; i < threads; i++) contexts.push_back(std::make_unique<asio::io_context>(1));
  return contexts;
}

}  // namespace

Server::Server(Service& service, uint16_t port, int threads)
    : service_(service),
      contexts_(make_contexts(threads)),
      acceptor_(*contexts_.front(), tcp::endpoint(asio::ip::address_v4::loopback(), port)),
      endpoint_(acceptor_.local_endpoint()),
      return_timer_(*contexts_.front()) {
  acceptor_.listen(tcp::acceptor::max_listen_connections);
  service_.go_away = [this](int64_t ms) { asio::post(*contexts_.front(), [this, ms] { go_away(ms); }); };
  accept();
}

void Server::go_away(int64_t ms) {
  boost::system::error_code ignored;
  service_.away = true;
  acceptor_.close(ignored);
  come_back_after(ms);
}

void Server::come_back_after(int64_t ms) {
  return_timer_.expires_after(std::chrono::milliseconds(ms));
  return_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) come_back();
  });
}

void Server::come_back() {
  // A client that knocks on a closed port may be given that very port for its own end, and holds it for a moment.
  constexpr int64_t kTryAgainMs = 20;
  boost::system::error_code error;
  acceptor_.open(endpoint_.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint_, error);
  if (!error) acceptor_.listen(tcp::acceptor::max_listen_connections, error);
  if (error) {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    return come_back_after(kTryAgainMs);
  }
  service_.away = false;
  accept();
}

void Server::run() {
  using Guard = asio::executor_work_guard<asio::io_context::executor_type>;
  std::vector<Guard> guards;
  std::vector<std::thread> threads;
  for (const auto& context : contexts_) guards.emplace_back(context->get_executor());
  for (size_t i = 1; i < contexts_.size(); i++) {
    threads.emplace_back([&context = *contexts_[i]] { context.run(); });
  }
  contexts_.front()->run();
  for (std::thread& thread : threads) thread.join();
}

void Server::stop() {
  for (const auto& context : contexts_) context->stop();
}

void Server::accept() {
  asio::io_context& context = *contexts_[next_];
  next_ = (next_ + 1) % contexts_.size();
  acceptor_.async_accept(context, [this, &context](boost::system::error_code error, tcp::socket socket) {
    if (!error) {
      boost::system::error_code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      asio::post(context, [this, socket = std::move(socket)]() mutable { start_session(std::move(socket), service_); });
    }
    if (acceptor_.is_open()) accept();
  });
}

}  // namespace stand_in
