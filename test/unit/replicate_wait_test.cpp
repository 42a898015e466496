// SPDX-License-Identifier: PostgreSQL
#include "replicate/wait.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "replicate/request.hpp"

namespace atelier::replicate {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kHour = 3600 * kSecond;
constexpr int64_t kNow = 784'111'777 * kSecond;  // Sun, 06 Nov 1994 08:49:37 GMT

Answer answer_with(std::string retry_after, std::string body = {}, std::string reset = {}) {
  Answer answer;
  answer.delivery = Delivery::delivered;
  answer.status = 429;
  answer.retry_after = std::move(retry_after);
  answer.body = std::move(body);
  answer.ratelimit_reset = std::move(reset);
  return answer;
}

std::optional<int64_t> wait_of(const Answer& answer) {
  return requested_wait_us(answer, parse_problem(answer.body), kNow);
}

std::optional<int64_t> wait_in_text(const std::string& detail) {
  return wait_of(answer_with("", R"({"detail":")" + detail + R"("})"));
}

TEST(ReplicateWait, NothingIsSaid) {
  EXPECT_EQ(wait_of(answer_with("")), std::nullopt);
  EXPECT_EQ(wait_of(answer_with("", R"({"detail":"Request was throttled."})")), std::nullopt);
  EXPECT_EQ(wait_of(answer_with("", "<html>busy</html>")), std::nullopt);
}

TEST(ReplicateWait, RetryAfterInSeconds) {
  EXPECT_EQ(wait_of(answer_with("5")), 5 * kSecond);
  EXPECT_EQ(wait_of(answer_with(" 12 ")), 12 * kSecond);
  EXPECT_EQ(wait_of(answer_with("0.5")), kSecond / 2);
  EXPECT_EQ(wait_of(answer_with("0")), 0);
}

TEST(ReplicateWait, RetryAfterAsADate) {
  EXPECT_EQ(wait_of(answer_with("Sun, 06 Nov 1994 08:50:07 GMT")), 30 * kSecond);
  EXPECT_EQ(wait_of(answer_with("Sun, 06 Nov 1994 08:49:37 GMT")), 0);
  EXPECT_EQ(wait_of(answer_with("Sun, 06 Nov 1994 08:00:00 GMT")), 0) << "never negative";
}

TEST(ReplicateWait, TheBodysNumber) {
  EXPECT_EQ(wait_of(answer_with("", R"({"detail":"x","status":429,"retry_after":5})")), 5 * kSecond);
  EXPECT_EQ(wait_of(answer_with("", R"({"retry_after":2.5})")), kSecond * 5 / 2);
  EXPECT_EQ(wait_of(answer_with("", R"({"retry_after":"5"})")), std::nullopt);
}

TEST(ReplicateWait, TheText) {
  EXPECT_EQ(wait_in_text("Request was throttled. Your rate limit resets in ~30s."), 30 * kSecond);
  EXPECT_EQ(wait_in_text("Request was throttled. Your rate limit resets in 7s."), 7 * kSecond);
  EXPECT_EQ(wait_in_text("Your rate limit RESETS IN ~1.5s"), kSecond * 3 / 2);
  EXPECT_EQ(wait_in_text("Request was throttled. Expected available in 1 second."), kSecond);
  EXPECT_EQ(wait_in_text("Request was throttled. Expected available in 12 seconds."), 12 * kSecond);
  EXPECT_EQ(wait_in_text("reduced to 6 requests per minute with a burst of 1 requests while you have less than $5.0 in "
                         "credit. Your rate limit resets in ~5s."),
            5 * kSecond);
  EXPECT_EQ(wait_in_text("It resets in a while, it resets in ~4s."), 4 * kSecond);
  EXPECT_EQ(wait_in_text("Your rate limit resets in ~30m."), std::nullopt);
  EXPECT_EQ(wait_in_text("Your rate limit resets in ~s."), std::nullopt);
  EXPECT_EQ(wait_in_text("Your rate limit resets in ~"), std::nullopt);
  EXPECT_EQ(wait_in_text("resets in 1.2.3s"), std::nullopt);
}

TEST(ReplicateWait, TheResetHeader) {
  EXPECT_EQ(wait_of(answer_with("", "", "3")), 3 * kSecond);
  EXPECT_EQ(wait_of(answer_with("", "", "soon")), std::nullopt);
}

TEST(ReplicateWait, TheFirstOfTheFormsCounts) {
  const std::string body = R"({"detail":"Your rate limit resets in ~3s.","retry_after":2})";
  EXPECT_EQ(wait_of(answer_with("1", body, "4")), kSecond);
  EXPECT_EQ(wait_of(answer_with("", body, "4")), 2 * kSecond);
  EXPECT_EQ(wait_of(answer_with("", R"({"detail":"Your rate limit resets in ~3s."})", "4")), 3 * kSecond);
  EXPECT_EQ(wait_of(answer_with("", R"({"detail":"Throttled."})", "4")), 4 * kSecond);
  EXPECT_EQ(wait_of(answer_with("tomorrow", body, "4")), 2 * kSecond) << "what cannot be read is not there";
}

TEST(ReplicateWait, StaysBetweenNothingAndOneHour) {
  for (const char* much : {"3601", "1e9", "99999999999999999999", "1000000000000"}) {
    const auto wait = wait_of(answer_with(much));
    EXPECT_TRUE(!wait || *wait == kHour) << much;
  }
  EXPECT_EQ(wait_of(answer_with("3601")), kHour);
  EXPECT_EQ(wait_of(answer_with(std::string(400, '9'))), kHour);
  EXPECT_EQ(wait_of(answer_with("-5")), 0);
  EXPECT_EQ(wait_of(answer_with("-" + std::string(400, '9'))), 0);
  EXPECT_EQ(wait_of(answer_with("Fri, 31 Dec 9999 23:59:59 GMT")), kHour);
  EXPECT_EQ(wait_of(answer_with("", R"({"retry_after":1e300})")), kHour);
  EXPECT_EQ(wait_of(answer_with("", R"({"retry_after":-1})")), 0);
  EXPECT_EQ(wait_in_text("resets in ~999999s"), kHour);
  EXPECT_EQ(wait_of(answer_with("", "", "86400")), kHour);
  EXPECT_EQ(wait_of(answer_with("inf")), std::nullopt);
  EXPECT_EQ(wait_of(answer_with("nan")), std::nullopt);
  EXPECT_EQ(wait_of(answer_with("0x10")), std::nullopt);
  Problem odd;
  odd.retry_after = std::nan("");
  EXPECT_EQ(requested_wait_us(answer_with(""), odd, kNow), std::nullopt);
  odd.retry_after = std::numeric_limits<double>::infinity();
  EXPECT_EQ(requested_wait_us(answer_with(""), odd, kNow), kHour);
}

TEST(ReplicateWait, HttpDates) {
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), kNow);
  EXPECT_EQ(parse_http_date("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
  EXPECT_EQ(parse_http_date("Thu, 29 Feb 2024 23:59:59 GMT"), 1'709'251'199 * kSecond);
  for (const char* wrong :
       {"", "Sun", "06 Nov 1994 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 94 08:49:37 GMT", "Sun, 31 Feb 2025 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT", "unN, 06 Nov 1994 08:49:37 GMT", "Sun, 06 anF 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT ", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"}) {
    EXPECT_EQ(parse_http_date(wrong), std::nullopt) << wrong;
  }
}

TEST(ReplicateWait, Rfc3339WithAnyDigits) {
  constexpr int64_t kBase = 1'763'805'600 * kSecond;
  EXPECT_EQ(parse_rfc3339("2025-11-22T10:00:00Z"), kBase);
  EXPECT_EQ(parse_rfc3339("2025-11-22T10:00:00.1Z"), kBase + 100'000);
  EXPECT_EQ(parse_rfc3339("2025-11-22T10:00:00.469Z"), kBase + 469'000);
  EXPECT_EQ(parse_rfc3339("2025-11-22T10:00:00.135361Z"), kBase + 135'361);
  EXPECT_EQ(parse_rfc3339("2025-11-22T10:00:00.678378653Z"), kBase + 678'378);
  EXPECT_EQ(parse_rfc3339("2025-11-22T10:00:00.1234567890123456789Z"), kBase + 123'456);
  EXPECT_EQ(parse_rfc3339("2025-11-22t10:00:00z"), kBase);
  EXPECT_EQ(parse_rfc3339("2025-11-22 10:00:00Z"), kBase);
}

TEST(ReplicateWait, Rfc3339WithAnyOffset) {
  constexpr int64_t kBase = 1'763'805'600 * kSecond;
  EXPECT_EQ(parse_rfc3339("2025-11-22T12:00:00+02:00"), kBase);
  EXPECT_EQ(parse_rfc3339("2025-11-22T04:30:00.5-05:30"), kBase + kSecond / 2);
  EXPECT_EQ(parse_rfc3339("2025-11-22T10:00:00+00:00"), kBase);
  EXPECT_EQ(parse_rfc3339("2025-11-22T10:00:00-00:00"), kBase);
  EXPECT_EQ(parse_rfc3339("1969-12-31T23:59:59.5Z"), -kSecond / 2);
  EXPECT_EQ(parse_rfc3339("2016-12-31T23:59:60Z"), parse_rfc3339("2017-01-01T00:00:00Z"));
}

TEST(ReplicateWait, Rfc3339IsStrict) {
  for (const char* wrong : {"",
                            "2025",
                            "2025-11-22",
                            "2025-11-22T10:00:00",
                            "2025-11-22T10:00:00.Z",
                            "2025-11-22T10:00Z",
                            "2025-13-22T10:00:00Z",
                            "2025-00-22T10:00:00Z",
                            "2025-02-29T10:00:00Z",
                            "2025-11-31T10:00:00Z",
                            "2025-11-00T10:00:00Z",
                            "2025-11-22T24:00:00Z",
                            "2025-11-22T10:60:00Z",
                            "2025-11-22T10:00:61Z",
                            "2025-11-22T10:00:00+0200",
                            "2025-11-22T10:00:00+24:00",
                            "2025-11-22T10:00:00+02:60",
                            "2025-11-22T10:00:00ZZ",
                            " 2025-11-22T10:00:00Z",
                            "25-11-22T10:00:00Z",
                            "2025-11-22T1a:00:00Z",
                            "-025-11-22T10:00:00Z",
                            "null",
                            "2025-11-22T10:00:00,5Z"}) {
    EXPECT_EQ(parse_rfc3339(wrong), std::nullopt) << wrong;
  }
}

TEST(ReplicateWait, WhatIsWrittenCanBeRead) {
  for (const int64_t time_us : {int64_t{0}, int64_t{-1}, kNow, kNow + 123'456, int64_t{253'402'300'799'999'999}}) {
    EXPECT_EQ(parse_rfc3339(rfc3339(time_us)), time_us);
  }
}

}  // namespace
}  // namespace atelier::replicate
