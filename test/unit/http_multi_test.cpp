// SPDX-License-Identifier: PostgreSQL
// Transfers against a server of the test's own: what is sent, what comes back, limits, and what is never asked at all.
#include "http/multi.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "unit/http_client.hpp"
#include "unit/raw_server.hpp"

namespace atelier::http {
namespace {

using std::chrono::milliseconds;

TEST(HttpMulti, AGetAndItsAnswer) {
  RawServer server([](Wire& wire, const Seen&) {
    wire.answer("[1,2]", "200 OK", "Content-Type: application/json; charset=utf-8\r\n");
  });
  Multi multi(local_options());
  Request request = get(server.url("/v1/predictions?x=1"), 42);
  request.headers = {"Authorization: Bearer secret", "Cancel-After: 60s"};
  const Answer answer = ask(multi, std::move(request));
  EXPECT_EQ(answer.error, "");
  EXPECT_EQ(answer.delivery, Delivery::delivered);
  EXPECT_EQ(answer.id, 42U);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "[1,2]");
  EXPECT_EQ(answer.content_type, "application/json; charset=utf-8");
  EXPECT_GT(answer.total_us, 0);
  ASSERT_EQ(server.seen().size(), 1U);
  const Seen seen = server.seen()[0];
  EXPECT_EQ(seen.request_line(), "GET /v1/predictions?x=1 HTTP/1.1");
  EXPECT_EQ(seen.header("Authorization"), "Bearer secret");
  EXPECT_EQ(seen.header("Cancel-After"), "60s");
  EXPECT_EQ(seen.header("User-Agent"), "atelier-test/1");
  EXPECT_EQ(seen.body, "");
}

TEST(HttpMulti, BodiesArriveWholeAndWithoutExpect) {
  RawServer server([](Wire& wire, const Seen& seen) { wire.answer(std::to_string(seen.body.size()), "201 Created"); });
  Multi multi(local_options());
  for (const size_t size : {size_t{0}, size_t{2}, size_t{1'500'000}, size_t{9'000'000}}) {
    for (const bool creates : {false, true}) {
      std::string body(size, 'x');
      for (size_t i = 0; i < size; i += 1000) body[i] = static_cast<char>('a' + i / 1000 % 26);
      Request request = post(server.url("/v1/predictions"), body);
      request.creates = creates;
      const Answer answer = ask(multi, std::move(request));
      EXPECT_EQ(answer.error, "");
      EXPECT_EQ(answer.status, 201);
      EXPECT_EQ(answer.body, std::to_string(size));
      EXPECT_EQ(server.seen().back().body == body, true) << size;
    }
  }
  for (const Seen& seen : server.seen()) {
    EXPECT_EQ(seen.request_line(), "POST /v1/predictions HTTP/1.1");
    EXPECT_EQ(seen.header("Expect"), "");
    EXPECT_EQ(seen.header("Content-Length"), std::to_string(seen.body.size()));
  }
}

TEST(HttpMulti, ChunkedAnswersAreJoined) {
  RawServer server([](Wire& wire, const Seen&) {
    wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1");
    wire.send("\r\n \r\n5\r\nworld\r\n0\r\n\r\n");
  });
  Multi multi(local_options());
  EXPECT_EQ(ask(multi, get(server.url("/"))).body, "hello world");
  EXPECT_EQ(ask(multi, get(server.url("/"))).body, "hello world");
  EXPECT_EQ(server.connections(), 1U);
}

TEST(HttpMulti, ConnectionsAreUsedAgain) {
  RawServer server([](Wire& wire, const Seen&) { wire.answer("ok"); });
  Multi multi(local_options());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(ask(multi, get(server.url("/"))).delivery, Delivery::delivered);
    EXPECT_EQ(ask(multi, create(server.url("/"), "{}")).delivery, Delivery::delivered);
    EXPECT_EQ(ask(multi, post(server.url("/"), "{}")).delivery, Delivery::delivered);
  }
  EXPECT_EQ(server.connections(), 1U);
}

TEST(HttpMulti, NothingIsLeftOverFromTheLastRequest) {
  RawServer server([](Wire& wire, const Seen& seen) {
    if (seen.number == 0)
      wire.answer("first", "429 Too Many Requests", "Retry-After: 3\r\nContent-Type: text/plain\r\n");
    else
      wire.answer("");
  });
  Multi multi(local_options());
  Request request = create(server.url("/"), "body", 1);
  request.headers = {"X-First: 1"};
  EXPECT_EQ(ask(multi, std::move(request)).retry_after, "3");
  const Answer answer = ask(multi, get(server.url("/"), 2));
  EXPECT_EQ(answer.id, 2U);
  EXPECT_EQ(answer.body + answer.retry_after + answer.content_type + answer.error, "");
  EXPECT_EQ(server.seen()[1].header("X-First"), "");
  EXPECT_EQ(server.seen()[1].header("Content-Length"), "");
}

TEST(HttpMulti, RateLimitHeaders) {
  RawServer server([](Wire& wire, const Seen&) {
    wire.answer("{}", "429 Too Many Requests",
                "RETRY-AFTER:  Wed, 21 Oct 2026 07:28:00 GMT \r\nratelimit-reset: 12\r\nRateLimit-Remaining:0\r\n"
                "x-retry-after: 99\r\n");
  });
  Multi multi(local_options());
  const Answer answer = ask(multi, get(server.url("/")));
  EXPECT_EQ(answer.delivery, Delivery::delivered);
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(answer.retry_after, "Wed, 21 Oct 2026 07:28:00 GMT");
  EXPECT_EQ(answer.ratelimit_reset, "12");
  EXPECT_EQ(answer.ratelimit_remaining, "0");
}

TEST(HttpMulti, EveryStatusIsAnAnswer) {
  RawServer server([](Wire& wire, const Seen& seen) { wire.answer("{}", seen.body + " Whatever"); });
  Multi multi(local_options());
  for (const int status : {200, 201, 400, 401, 402, 404, 422, 500, 503, 520}) {
    const Answer answer = ask(multi, create(server.url("/"), std::to_string(status)));
    EXPECT_EQ(answer.delivery, Delivery::delivered) << answer.error;
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(answer.body, "{}");
  }
}

TEST(HttpMulti, RedirectsAreNotFollowed) {
  RawServer server([](Wire& wire, const Seen& seen) {
    wire.answer("", seen.request_line().substr(0, 3) == "GET" ? "302 Found" : "307 Temporary Redirect",
                "Location: /elsewhere\r\n");
  });
  Multi multi(local_options());
  EXPECT_EQ(ask(multi, get(server.url("/"))).status, 302);
  EXPECT_EQ(ask(multi, create(server.url("/"), "{}")).status, 307);
  EXPECT_EQ(server.seen().size(), 2U);
}

TEST(HttpMulti, BodiesAreLimited) {
  RawServer server([](Wire& wire, const Seen& seen) {
    if (seen.request_line().find("/endless") == std::string::npos) return wire.answer(std::string(1000, 'x'));
    wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    while (wire.send("a\r\n0123456789\r\n")) continue;
    wire.close();
  });
  Multi multi(local_options());
  Request request = get(server.url("/"));
  request.max_body_bytes = 1000;
  EXPECT_EQ(ask(multi, request).body.size(), 1000U);
  for (const std::string_view path : {"/", "/endless"}) {
    request.url = server.url(path);
    request.max_body_bytes = 999;
    const Answer answer = ask(multi, request);
    EXPECT_TRUE(answer.body_too_large) << path;
    EXPECT_EQ(answer.delivery, Delivery::maybe_sent);
    EXPECT_EQ(answer.status, 0);
    EXPECT_EQ(answer.error, "answer is too large");
    EXPECT_EQ(answer.body, "");
  }
  request.max_body_bytes = 2000;
  request.url = server.url("/");
  EXPECT_FALSE(ask(multi, request).body_too_large);
}

TEST(HttpMulti, TheLimitIsForUnpackedBodies) {
  // 65,536 times the character 0, as gzip packs it: nearly all of it is zeros.
  const std::string packed =
      std::string("\x1f\x8b\x08\0\0\0\0\0\x02\x03\xed\xc1\x81\0\0\0\0\x80\x20\xa5\xfd\xe9\x16\xa9\x0a", 25) +
      std::string(63, '\0') + std::string("\x6a\x0b\x51\x49\x68\0\0\x01\0", 9);
  RawServer server([&](Wire& wire, const Seen&) { wire.answer(packed, "200 OK", "Content-Encoding: gzip\r\n"); });
  Multi multi(local_options());
  Request request = get(server.url("/"));
  EXPECT_EQ(ask(multi, request).body, std::string(65'536, '0'));
  request.max_body_bytes = 65'535;
  EXPECT_TRUE(ask(multi, request).body_too_large);
}

TEST(HttpMulti, KeepsAConnectionForEachTransfer) {
  RawServer server([](Wire& wire, const Seen&) {
    std::this_thread::sleep_for(milliseconds(20));
    wire.answer("ok");
  });
  Options options = local_options();
  options.max_transfers = 4;
  Multi multi(options);
  const auto run = [&](uint64_t count) {
    for (uint64_t id = 0; id < count; ++id) multi.add(get(server.url("/"), id));
    EXPECT_EQ(multi.in_flight(), count);
    for (const Answer& answer : collect(multi, count)) EXPECT_EQ(answer.delivery, Delivery::delivered) << answer.error;
    EXPECT_EQ(multi.in_flight(), 0U);
  };
  run(12);
  EXPECT_EQ(server.connections(), 12U);
  run(4);
  EXPECT_EQ(server.connections(), 12U);
  run(5);
  EXPECT_EQ(server.connections(), 13U);
}

TEST(HttpMulti, ManyTransfersSideBySide) {
  RawServer server(
      [](Wire& wire, const Seen& seen) { wire.answer(seen.body.empty() ? seen.request_line() : seen.body); });
  Options options = local_options();
  options.max_transfers = 150;
  Multi multi(options);
  constexpr uint64_t kCount = 300;
  for (uint64_t id = 1; id <= kCount; ++id) {
    const std::string name = std::to_string(id);
    multi.add(id % 2 ? create(server.url("/"), name, id) : get(server.url("/" + name), id));
  }
  std::set<uint64_t> ids;
  for (const Answer& answer : collect(multi, kCount)) {
    const std::string name = std::to_string(answer.id);
    EXPECT_EQ(answer.error, "");
    EXPECT_EQ(answer.body, answer.id % 2 ? name : "GET /" + name + " HTTP/1.1");
    ids.insert(answer.id);
  }
  EXPECT_EQ(ids.size(), kCount);
  EXPECT_EQ(server.seen().size(), kCount);
}

TEST(HttpMulti, WhatMayNotBeAskedIsNotAsked) {
  RawServer server([](Wire& wire, const Seen&) { wire.answer("ok"); });
  Multi multi(local_options());
  const std::string place = "127.0.0.1:" + std::to_string(server.port());
  std::map<std::string, Request> requests;
  for (const std::string& url :
       {std::string("http://192.0.2.1/"), std::string("http://127.0.0.1.test/"), "ftp://" + place + "/",
        std::string("file:///etc/passwd"), std::string(""), std::string("/v1"), std::string("http://"),
        "http://user@" + place + "/", "http://:secret@" + place + "/", "http://" + place + "/a b",
        "http://" + place + "/\r\nX: 1", server.url("/") + std::string(1, '\0')})
    requests.emplace("URL " + url, get(url));
  for (const std::string& header : {std::string("X: 1\r\nY: 2"), std::string("X: 1\n"), std::string("X"),
                                    std::string(""), std::string(": 1"), std::string("X: 1\0", 5)}) {
    Request request = create(server.url("/"), "{}");
    request.headers = {"Good: 1", header};
    requests.emplace("header " + header, std::move(request));
  }
  for (const char* method : {"DELETE", "get", "", "PUT"}) {
    Request request = get(server.url("/"));
    request.method = method;
    requests.emplace(std::string("method ") + method, std::move(request));
  }
  for (auto& [what, request] : requests) {
    const Answer answer = ask(multi, std::move(request));
    EXPECT_EQ(answer.delivery, Delivery::not_sent) << what;
    EXPECT_NE(answer.error, "") << what;
    EXPECT_EQ(answer.status, 0) << what;
    EXPECT_EQ(answer.error.find("secret"), std::string::npos);
  }
  EXPECT_EQ(ask(multi, get(server.url("/"))).body, "ok");
  EXPECT_EQ(server.seen().size(), 1U);
}

TEST(HttpMulti, PlainHttpStaysOnThisMachine) {
  Multi multi(local_options());
  for (const char* host : {"192.0.2.1", "127.0.0.1.test", "localhost.test", "128.0.0.1", "[::2]", "127"})
    EXPECT_EQ(ask(multi, get(std::string("http://") + host + ":1/")).error, "only https URLs are allowed") << host;
  for (const char* host : {"127.0.0.1", "127.1.2.3", "[::1]", "localhost"}) {
    const Answer answer = ask(multi, get(std::string("http://") + host + ":1/"));
    EXPECT_EQ(answer.curl_code, 7) << host << answer.error;  // nobody is there, but it was asked
  }
}

TEST(HttpMulti, PlainHttpHasToBeAllowed) {
  RawServer server([](Wire& wire, const Seen&) { wire.answer("ok"); });
  Multi multi(Options{});
  const Answer answer = ask(multi, get(server.url("/")));
  EXPECT_EQ(answer.delivery, Delivery::not_sent);
  EXPECT_EQ(answer.error, "only https URLs are allowed");
  EXPECT_EQ(server.connections(), 0U);
}

TEST(HttpMulti, SleepsAsLongAsNothingIsDue) {
  RawServer server([](Wire&, const Seen&) {});
  Multi multi(local_options());
  EXPECT_EQ(multi.timeout_ms(), std::nullopt);
  EXPECT_EQ(multi.in_flight(), 0U);
  multi.add(get("bad"));
  EXPECT_EQ(multi.timeout_ms(), 0);
  EXPECT_EQ(multi.take_done().size(), 1U);
  EXPECT_EQ(multi.timeout_ms(), std::nullopt);
  Request request = get(server.url("/"));
  request.timeout_ms = 20'000;
  multi.add(request);
  ASSERT_TRUE(multi.timeout_ms());
  // Waiting for an answer costs a few turns, for libcurl's own timers, and no more.
  const auto end = std::chrono::steady_clock::now() + milliseconds(500);
  int turns = 0;
  for (; std::chrono::steady_clock::now() < end; ++turns) {
    ASSERT_TRUE(multi.timeout_ms());
    pollfd descriptor{multi.fd(), POLLIN, 0};
    poll(&descriptor, 1, static_cast<int>(std::min<int64_t>(*multi.timeout_ms(), 500)));
    multi.act();
  }
  EXPECT_LT(turns, 50);
  EXPECT_EQ(server.seen().size(), 1U);
}

TEST(HttpMulti, AbortedTransfersHaveNoAnswer) {
  RawServer server([](Wire& wire, const Seen& seen) {
    if (seen.request_line().find("/ok") != std::string::npos) wire.answer("ok");
  });
  Multi multi(local_options());
  for (uint64_t id = 1; id <= 8; ++id) multi.add(create(server.url("/"), "{}", id));
  EXPECT_TRUE(collect(multi, 1, milliseconds(50)).empty());
  multi.abort_all();
  EXPECT_EQ(multi.in_flight(), 0U);
  const Answer answer = ask(multi, get(server.url("/ok"), 9));
  EXPECT_EQ(answer.id, 9U);
  EXPECT_EQ(answer.body, "ok");
  EXPECT_LE(server.seen().size(), 9U);
}

}  // namespace
}  // namespace atelier::http
