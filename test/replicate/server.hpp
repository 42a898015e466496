// SPDX-License-Identifier: PostgreSQL
// Listens on loopback and spreads connections over threads; each thread has a context of its own, so that a session
// needs no lock. Made and run by main.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "service.hpp"

namespace stand_in {

class Server {
 public:
  // Throws boost::system::system_error when the port cannot be had.
  Server(Service& service, uint16_t port, int threads);

  uint16_t port() const { return endpoint_.port(); }

  // The context on which main waits for signals and its parent.
  boost::asio::io_context& context() { return *contexts_.front(); }

  // Serves until stop() is called.
  void run();
  void stop();

 private:
  void accept();
  // Closes the port, resets what is open as it is heard of, and comes back after that time.
  void go_away(int64_t ms);
  void come_back_after(int64_t ms);
  void come_back();

  Service& service_;
  std::vector<std::unique_ptr<boost::asio::io_context>> contexts_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::ip::tcp::endpoint endpoint_;
  boost::asio::steady_timer return_timer_;
  size_t next_ = 0;
};

}  // namespace stand_in
