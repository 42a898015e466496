// SPDX-License-Identifier: PostgreSQL
// Starts the stand-in and ends it: on SIGTERM and SIGINT, when its lifetime is over, when its parent has gone.

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <functional>

#include "options.hpp"
#include "server.hpp"

namespace {

namespace asio = boost::asio;

// Thousands of connections are normal here.
void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// A reader never sees half of the file.
bool write_port(const std::string& file, uint16_t port) {
  const std::string unfinished = file + ".new";
  {
    std::ofstream out(unfinished);
    out << port << '\n';
    if (!out.flush()) return false;
  }
  return std::rename(unfinished.c_str(), file.c_str()) == 0;
}

// Calls stop() once the parent is another process than `parent`.
void watch_parent(asio::steady_timer& timer, pid_t parent, const std::function<void()>& stop) {
  if (getppid() != parent) return stop();
  timer.expires_after(std::chrono::milliseconds(200));
  timer.async_wait([&timer, parent, stop](const boost::system::error_code& error) {
    if (!error) watch_parent(timer, parent, stop);
  });
}

int run(const stand_in::Options& options, pid_t parent) {
  stand_in::Service service;
  stand_in::Server server(service, options.port, options.threads);
  service.origin = "http://127.0.0.1:" + std::to_string(server.port());
  const auto stop = [&server] { server.stop(); };

  asio::signal_set signals(server.context(), SIGTERM, SIGINT);
  signals.async_wait([&stop](const boost::system::error_code&, int) { stop(); });
  asio::steady_timer parent_timer(server.context());
  if (options.exit_with_parent) watch_parent(parent_timer, parent, stop);
  asio::steady_timer lifetime(server.context());
  if (options.lifetime_seconds > 0) {
    lifetime.expires_after(std::chrono::seconds(options.lifetime_seconds));
    lifetime.async_wait([&stop](const boost::system::error_code&) { stop(); });
  }

  if (!options.port_file.empty() && !write_port(options.port_file, server.port())) {
    std::fprintf(stderr, "replicate-stand-in: cannot write %s\n", options.port_file.c_str());
    return 1;
  }
  service.webhooks.start();
  server.run();
  service.webhooks.stop();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const pid_t parent = getppid();
  std::string complaint;
  const auto options = stand_in::parse_options(argc, argv, complaint);
  if (!options) {
    std::fprintf(stderr, "replicate-stand-in: %s\n", complaint.c_str());
    return 2;
  }
  if (options->exit_with_parent) prctl(PR_SET_PDEATHSIG, SIGTERM);
  std::signal(SIGPIPE, SIG_IGN);
  raise_file_limit();
  try {
    return run(*options, parent);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "replicate-stand-in: %s\n", error.what());
    return 1;
  }
}
