// SPDX-License-Identifier: PostgreSQL
// Short words for the tests of src/http: requests, and the loop that the dispatcher runs around Multi.
#pragma once

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "http/multi.hpp"

namespace atelier::http {

inline Options local_options() {
  Options options;
  options.user_agent = "atelier-test/1";
  options.allow_plain_http = true;
  return options;
}

inline Request get(std::string url, uint64_t id = 1) {
  Request request;
  request.id = id;
  request.method = "GET";
  request.url = std::move(url);
  return request;
}

inline Request post(std::string url, std::string body, uint64_t id = 1) {
  Request request = get(std::move(url), id);
  request.method = "POST";
  request.body = std::move(body);
  return request;
}

inline Request create(std::string url, std::string body, uint64_t id = 1) {
  Request request = post(std::move(url), std::move(body), id);
  request.creates = true;
  return request;
}

// Runs the transfers until that many answers are there, or until the patience is over.
inline std::vector<Answer> collect(Multi& multi, size_t count,
                                   std::chrono::milliseconds patience = std::chrono::seconds(20)) {
  const auto end = std::chrono::steady_clock::now() + patience;
  std::vector<Answer> answers;
  while (answers.size() < count && std::chrono::steady_clock::now() < end) {
    pollfd descriptor{multi.fd(), POLLIN, 0};
    poll(&descriptor, 1, static_cast<int>(std::min<int64_t>(multi.timeout_ms().value_or(100), 100)));
    multi.act();
    for (Answer& answer : multi.take_done()) answers.push_back(std::move(answer));
  }
  return answers;
}

// One request from beginning to end; an empty error and Delivery::delivered when all went well.
inline Answer ask(Multi& multi, Request request) {
  multi.add(std::move(request));
  std::vector<Answer> answers = collect(multi, 1);
  if (!answers.empty()) return std::move(answers.front());
  Answer none;
  none.error = "no answer at all";
  none.curl_code = -1;
  return none;
}

}  // namespace atelier::http
