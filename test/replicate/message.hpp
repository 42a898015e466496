// SPDX-License-Identifier: PostgreSQL
// A request and its answer as the handlers see them. The session fills the first from the wire and puts the second on
// it; handlers never touch a socket. An answer also says how badly it is to be delivered.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace stand_in {

// Views live as long as the request is being handled; what is needed later must be copied.
struct Request {
  std::string_view method;
  std::string_view path;   // without the query, still percent-encoded
  std::string_view query;  // without the question mark
  std::string_view authorization;
  std::string_view content_type;
  std::string_view prefer;
  std::string_view cancel_after;
  std::string_view body;
  bool expects_continue = false;
  int64_t arrived_us = 0;
};

enum class Delivery : uint8_t { kWhole, kTruncated, kReset, kClose, kHang };
enum class Coding : uint8_t { kPlain, kChunked, kGzip };

struct Answer {
  int status = 200;
  std::string_view content_type = "application/json";  // of a literal; empty: no body, no header
  std::string headers = {};                            // further header lines, each with its line end
  std::string body = {};
  Delivery delivery = Delivery::kWhole;
  Coding coding = Coding::kPlain;
  int64_t delay_us = 0;
  std::function<Answer()> later = {};  // when set: called after the delay, its result is the answer
};

inline Answer json_answer(int status, std::string body) {
  Answer answer;
  answer.status = status;
  answer.body = std::move(body);
  return answer;
}

// The decoded value of a query parameter; empty when it is absent.
std::string query_value(std::string_view query, std::string_view name);

std::string percent_decoded(std::string_view text);

// The decoded parts of a path between slashes; "/v1/account" has two.
std::vector<std::string> path_parts(std::string_view path);

}  // namespace stand_in
