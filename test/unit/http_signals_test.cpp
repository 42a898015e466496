// SPDX-License-Identifier: PostgreSQL
// libcurl looks names up in threads of its own. A handler of the server must never run there, so these threads begin
// with every signal blocked. This program stands in for pthread_create, since they live too briefly to be caught.
#include "http/signals.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <sstream>

#include "unit/http_client.hpp"
#include "unit/raw_server.hpp"

namespace {

constexpr int kSignals[] = {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGTERM, SIGCHLD, SIGPIPE, SIGURG};

bool all_blocked() {
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return std::all_of(std::begin(kSignals), std::end(kSignals), [&](int signal) { return sigismember(&mask, signal); });
}

bool none_blocked() {
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return std::none_of(std::begin(kSignals), std::end(kSignals), [&](int signal) { return sigismember(&mask, signal); });
}

std::atomic<bool> watching = false;
std::atomic<int> threads_begun = 0;
std::atomic<int> threads_open_to_signals = 0;

}  // namespace

// A thread inherits the mask of the one that starts it.
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*main)(void*),
                              void* argument) noexcept {
  if (watching) {
    ++threads_begun;
    if (!all_blocked()) ++threads_open_to_signals;
  }
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto create = reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"));
  return create(thread, attributes, main, argument);
}

namespace atelier::http {
namespace {

// A name of this machine that is looked up without asking the network; libcurl knows localhost by itself.
std::string name_in_hosts_file() {
  std::ifstream file("/etc/hosts");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string address, name;
    if (!(words >> address) || address.substr(0, 4) != "127.") continue;
    while (words >> name)
      if (name.find("localhost") == std::string::npos) return name;
  }
  return {};
}

TEST(HttpSignals, BlockedInsideTheScopeOnly) {
  ASSERT_TRUE(none_blocked());
  {
    const SignalsBlocked blocked;
    EXPECT_TRUE(all_blocked());
    {
      const SignalsBlocked again;
      EXPECT_TRUE(all_blocked());
    }
    EXPECT_TRUE(all_blocked());
  }
  EXPECT_TRUE(none_blocked());
}

TEST(HttpSignals, WhatWasBlockedBeforeStaysBlocked) {
  sigset_t one, before, after;
  sigemptyset(&one);
  sigaddset(&one, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &one, &before);
  { const SignalsBlocked blocked; }
  pthread_sigmask(SIG_SETMASK, &before, &after);
  EXPECT_TRUE(sigismember(&after, SIGUSR2));
  EXPECT_FALSE(sigismember(&after, SIGUSR1));
}

TEST(HttpSignals, TheCallersMaskComesBackFromEveryCall) {
  RawServer server([](Wire& wire, const Seen&) { wire.answer("ok"); });
  {
    Multi multi(local_options());
    EXPECT_TRUE(none_blocked());
    multi.add(get(server.url("/")));
    EXPECT_TRUE(none_blocked());
    multi.act();
    EXPECT_TRUE(none_blocked());
    multi.add(get("bad"));
    EXPECT_EQ(collect(multi, 2).size(), 2U);
    EXPECT_TRUE(none_blocked());
    multi.add(get(server.url("/")));
    multi.abort_all();
    EXPECT_TRUE(none_blocked());
    multi.add(get(server.url("/")));
  }
  EXPECT_TRUE(none_blocked());
}

TEST(HttpSignals, ThreadsOfLibcurlBeginWithEverySignalBlocked) {
  const std::string name = name_in_hosts_file();
  if (name.empty()) GTEST_SKIP() << "no name in /etc/hosts to look up";
  // Bound and never listening: every address of that name refuses.
  const LocalSocket nobody;
  Multi multi(local_options());
  Request request = create("https://" + name + ":" + std::to_string(nobody.port()) + "/", "{}");
  request.timeout_ms = 5'000;
  watching = true;
  const Answer answer = ask(multi, std::move(request));
  watching = false;
  EXPECT_EQ(answer.delivery, Delivery::not_sent) << answer.error;
  EXPECT_GE(threads_begun, 1) << "libcurl looked the name up without a thread, so this shows nothing";
  EXPECT_EQ(threads_open_to_signals, 0);
}

}  // namespace
}  // namespace atelier::http
