// SPDX-License-Identifier: PostgreSQL
// What may have reached the server and what has not, and that a creating request reaches it at most once whatever
// becomes of its connection.
#include <gtest/gtest.h>

#include <atomic>
#include <tuple>

#include "http/multi.hpp"
#include "unit/http_client.hpp"
#include "unit/raw_server.hpp"

namespace atelier::http {
namespace {

using std::chrono::milliseconds;

// How a server leaves a request unanswered.
enum class End { close, reset, close_in_answer, reset_in_answer };
constexpr End kEnds[] = {End::close, End::reset, End::close_in_answer, End::reset_in_answer};

void leave(Wire& wire, End end) {
  if (end == End::close_in_answer || end == End::reset_in_answer)
    wire.send("HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{\"id\"");
  if (end == End::close || end == End::close_in_answer)
    wire.close();
  else
    wire.reset();
}

size_t count_bodies(const RawServer& server, std::string_view body) {
  const std::vector<Seen> seen = server.seen();
  return static_cast<size_t>(
      std::count_if(seen.begin(), seen.end(), [&](const Seen& one) { return one.body == body; }));
}

int connect_without_waiting(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  // In progress, or refused for a full queue: both will do.
  std::ignore = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
  return fd;
}

void expect_lost(const Answer& answer) {
  EXPECT_EQ(answer.delivery, Delivery::maybe_sent);
  EXPECT_EQ(answer.status, 0);
  EXPECT_EQ(answer.body, "");
  EXPECT_NE(answer.error, "");
  EXPECT_NE(answer.curl_code, 0);
}

TEST(HttpDelivery, RefusedConnectionsSendNothing) {
  const LocalSocket nobody;
  Multi multi(local_options());
  for (int i = 0; i < 2; ++i) {
    const Answer answer = ask(multi, create(nobody.url("/"), "{}"));
    EXPECT_EQ(answer.delivery, Delivery::not_sent);
    EXPECT_NE(answer.error, "");
  }
}

TEST(HttpDelivery, ConnectionsThatAreNotTakenSendNothing) {
  // The queue of a socket on which nobody accepts is soon full, and then connecting takes for ever.
  const LocalSocket deaf;
  ASSERT_EQ(listen(deaf.fd(), 0), 0);
  std::vector<int> in_queue;
  for (int i = 0; i < 16; ++i) in_queue.push_back(connect_without_waiting(deaf.port()));
  Multi multi(local_options());
  Request request = create(deaf.url("/"), "{}");
  request.connect_timeout_ms = 200;
  const auto start = std::chrono::steady_clock::now();
  const Answer answer = ask(multi, request);
  EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(10'000));
  EXPECT_EQ(answer.delivery, Delivery::not_sent);
  EXPECT_EQ(answer.curl_code, 28) << answer.error;
  // The time-out of the whole transfer counts as well.
  request.connect_timeout_ms = 20'000;
  request.timeout_ms = 200;
  EXPECT_EQ(ask(multi, request).delivery, Delivery::not_sent);
  EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(10'000));
  for (const int fd : in_queue) ::close(fd);
}

TEST(HttpDelivery, AHandshakeThatTakesTooLongSendsNothing) {
  RawServer server([](Wire&, const Seen&) {});
  Multi multi(local_options());
  Request request = create("https" + server.url("/").substr(4), "{}");
  request.timeout_ms = 300;
  const Answer answer = ask(multi, std::move(request));
  EXPECT_EQ(answer.delivery, Delivery::not_sent) << answer.curl_code << answer.error;
  EXPECT_EQ(server.connections(), 1U);
  EXPECT_EQ(server.seen().size(), 0U);
}

TEST(HttpDelivery, AFailedHandshakeSendsNothing) {
  const LocalSocket plain;
  ASSERT_EQ(listen(plain.fd(), 8), 0);
  std::thread answering([&] {
    const int fd = accept(plain.fd(), nullptr, nullptr);
    Wire(fd).answer("this is no TLS");
    char byte;
    while (recv(fd, &byte, 1, 0) > 0) continue;
    ::close(fd);
  });
  Multi multi(local_options());
  const Answer answer = ask(multi, create("https" + plain.url("/").substr(4), "{}"));
  EXPECT_EQ(answer.delivery, Delivery::not_sent);
  EXPECT_EQ(answer.curl_code, 35) << answer.error;
  answering.join();
}

TEST(HttpDelivery, SlowAnswersTimeOut) {
  RawServer server([](Wire& wire, const Seen& seen) {
    if (seen.request_line().find("/half") != std::string::npos)
      wire.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{");
  });
  Multi multi(local_options());
  for (const std::string_view path : {"/none", "/half"}) {
    for (const bool creates : {false, true}) {
      Request request = post(server.url(path), "{}");
      request.creates = creates;
      request.timeout_ms = 150;
      const auto start = std::chrono::steady_clock::now();
      const Answer answer = ask(multi, std::move(request));
      const auto took = std::chrono::steady_clock::now() - start;
      expect_lost(answer);
      EXPECT_EQ(answer.curl_code, 28);
      EXPECT_GE(took, milliseconds(150));
      EXPECT_LT(took, milliseconds(5'000));
    }
  }
  EXPECT_EQ(server.seen().size(), 4U);
}

TEST(HttpDelivery, OneSlowAnswerDoesNotHoldUpTheOthers) {
  RawServer server([](Wire& wire, const Seen& seen) {
    if (seen.request_line().find("/slow") == std::string::npos) wire.answer("ok");
  });
  Multi multi(local_options());
  Request slow = get(server.url("/slow"), 7);
  slow.timeout_ms = 1'000;
  multi.add(slow);
  for (uint64_t id = 10; id < 20; ++id) multi.add(get(server.url("/"), id));
  const std::vector<Answer> answers = collect(multi, 11);
  ASSERT_EQ(answers.size(), 11U);
  EXPECT_EQ(answers.back().id, 7U);
}

TEST(HttpDelivery, ANewConnectionThatEndsWithoutAnAnswer) {
  for (const End end : kEnds) {
    RawServer server([end](Wire& wire, const Seen&) { leave(wire, end); });
    Multi multi(local_options());
    expect_lost(ask(multi, create(server.url("/"), "body")));
    EXPECT_EQ(count_bodies(server, "body"), 1U);
  }
}

// libcurl takes a used connection that ends without an answer for one that was dead before, and would send the same
// request again on a new one.
TEST(HttpDelivery, ACreatingRequestOnAUsedConnectionArrivesOnce) {
  for (const End end : kEnds) {
    for (const size_t size : {size_t{1}, size_t{300}, size_t{200'000}}) {
      RawServer server([end](Wire& wire, const Seen& seen) {
        if (seen.number == 0 && seen.body == "first")
          wire.answer("{}", "201 Created");
        else
          leave(wire, end);
      });
      Multi multi(local_options());
      EXPECT_EQ(ask(multi, create(server.url("/"), "first")).status, 201);
      const std::string body(size, 'x');
      expect_lost(ask(multi, create(server.url("/"), body)));
      EXPECT_EQ(count_bodies(server, body), 1U) << size;
      ASSERT_EQ(server.seen().size(), 2U);
      EXPECT_EQ(server.seen()[1].connection, 0U) << "the connection was not used again, so this shows nothing";
    }
  }
}

TEST(HttpDelivery, NorDoesOneWithoutABodyArriveTwice) {
  for (const End end : {End::close, End::reset}) {
    RawServer server([end](Wire& wire, const Seen& seen) {
      if (seen.body == "first")
        wire.answer("{}", "201 Created");
      else
        leave(wire, end);
    });
    Multi multi(local_options());
    EXPECT_EQ(ask(multi, create(server.url("/"), "first")).status, 201);
    expect_lost(ask(multi, create(server.url("/"), "")));
    EXPECT_EQ(count_bodies(server, ""), 1U);
  }
}

TEST(HttpDelivery, ManyCreatingRequestsOnUsedConnectionsArriveOnceEach) {
  RawServer server([](Wire& wire, const Seen& seen) {
    // Every third one of a connection is read and not answered.
    if (seen.number == 2)
      leave(wire, kEnds[seen.connection % 2]);
    else
      wire.answer("{}", "201 Created");
  });
  Options options = local_options();
  options.max_transfers = 16;
  Multi multi(options);
  constexpr uint64_t kCount = 320;
  size_t lost = 0;
  for (uint64_t id = 0; id < kCount;) {
    for (size_t i = 0; i < options.max_transfers; ++i, ++id)
      multi.add(create(server.url("/"), "body " + std::to_string(id), id));
    for (const Answer& answer : collect(multi, options.max_transfers)) lost += answer.delivery == Delivery::maybe_sent;
  }
  const std::vector<Seen> seen = server.seen();
  const auto unanswered = std::count_if(seen.begin(), seen.end(), [](const Seen& one) { return one.number == 2; });
  EXPECT_EQ(lost, static_cast<size_t>(unanswered));
  EXPECT_GT(lost, kCount / 6);
  for (uint64_t id = 0; id < kCount; ++id) EXPECT_EQ(count_bodies(server, "body " + std::to_string(id)), 1U) << id;
}

TEST(HttpDelivery, WhatCreatesNothingIsRepeatedOnANewConnection) {
  RawServer server([](Wire& wire, const Seen& seen) { seen.number == 0 ? wire.answer("ok") : wire.close(); });
  Multi multi(local_options());
  EXPECT_EQ(ask(multi, get(server.url("/"))).body, "ok");
  EXPECT_EQ(ask(multi, get(server.url("/"))).body, "ok");
  const Answer cancel = ask(multi, post(server.url("/"), "cancel"));
  EXPECT_EQ(cancel.body, "ok");
  EXPECT_EQ(cancel.repeats, 1) << "and counted";
}

TEST(HttpDelivery, ButOnlyOnce) {
  std::atomic<bool> answering = true;
  RawServer server([&](Wire& wire, const Seen&) { answering ? wire.answer("ok") : wire.close(); });
  Multi multi(local_options());
  // Several connections to be used again.
  for (uint64_t id = 0; id < 6; ++id) multi.add(get(server.url("/"), id));
  EXPECT_EQ(collect(multi, 6).size(), 6U);
  answering = false;
  const size_t before = server.seen().size();
  const Answer lost = ask(multi, get(server.url("/")));
  EXPECT_EQ(lost.delivery, Delivery::maybe_sent);
  EXPECT_EQ(lost.repeats, 1);
  EXPECT_EQ(server.seen().size(), before + 2);
}

TEST(HttpDelivery, AConnectionThatDiedBetweenTwoRequestsCostsNoRequest) {
  RawServer server([](Wire& wire, const Seen&) {
    wire.answer("ok");
    wire.close();
  });
  Multi multi(local_options());
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(ask(multi, create(server.url("/"), std::to_string(i))).delivery, Delivery::delivered);
    // The server's end is closed when its next connection is taken, or soon after.
    collect(multi, 1, milliseconds(30));
  }
  for (int i = 0; i < 5; ++i) EXPECT_EQ(count_bodies(server, std::to_string(i)), 1U);
  EXPECT_EQ(server.seen().size(), 5U);
}

}  // namespace
}  // namespace atelier::http
