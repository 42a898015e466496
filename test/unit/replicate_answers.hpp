// SPDX-License-Identifier: PostgreSQL
// Answers of the provider for the tests of the decision table, in the words of its API. Included by the
// replicate_outcome tests only.
#pragma once

#include <string>
#include <utility>

#include "replicate/response.hpp"

namespace atelier::replicate {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kMinute = 60 * kSecond;
constexpr int64_t kNow = 1'763'805'600 * kSecond;  // 2025-11-22T10:00:00Z

inline Answer answered(int status, std::string body = {}) {
  Answer answer;
  answer.delivery = Delivery::delivered;
  answer.status = status;
  answer.body = std::move(body);
  answer.content_type = "application/json";
  return answer;
}

inline Answer unanswered(Delivery delivery, std::string error = "connection reset") {
  Answer answer;
  answer.delivery = delivery;
  answer.transport_error = std::move(error);
  return answer;
}

inline Answer problem(int status, const std::string& title, const std::string& detail) {
  return answered(
      status, R"({"title":")" + title + R"(","detail":")" + detail + R"(","status":)" + std::to_string(status) + "}");
}

// A prediction with more members, such as ,"error":null .
inline std::string prediction(const std::string& status, const std::string& more = {}) {
  return R"({"id":"p1","status":")" + status + R"(","input":{"prompt":"a red kettle"})" + more + "}";
}

inline Answer html(int status) {
  Answer answer = answered(status, "<!DOCTYPE html>\n<html><head><title>Bad Gateway</title></head></html>");
  answer.content_type = "text/html";
  return answer;
}

}  // namespace atelier::replicate
