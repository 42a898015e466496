// SPDX-License-Identifier: PostgreSQL
#include "replicate/webhook.hpp"

#include <gtest/gtest.h>

#include "core/base64.hpp"
#include "replicate/request.hpp"

namespace atelier::replicate {
namespace {

// The signature that the provider's client makes of id msg_test1, timestamp 1700000000 and
// {"id":"p1","status":"succeeded"} with the secret below.
constexpr const char* kSignature = "Bheg2VsE0I2tt+HDvq2tznY8c8wzKn0Jvpn7RGup+Rc=";
constexpr const char* kSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

std::string headers_with(const std::string& signature) {
  return R"({"webhook-id":"msg_test1","webhook-timestamp":"1700000000","webhook-signature":")" + signature + "\"}";
}

std::string code() { return *core::base64::decode(kSignature); }

bool is_accepted(const std::string& signature) {
  const ReadHeaders read = read_webhook_headers(headers_with(signature));
  return read && is_signed_with(*read.headers, code());
}

TEST(ReplicateWebhook, Headers) {
  const ReadHeaders read = read_webhook_headers(headers_with(std::string("v1,") + kSignature));
  ASSERT_TRUE(read);
  EXPECT_EQ(read.headers->id, "msg_test1");
  EXPECT_EQ(read.headers->timestamp, "1700000000");
  EXPECT_EQ(read.headers->sent_at_s, 1'700'000'000);
  EXPECT_TRUE(is_signed_with(*read.headers, code()));
  EXPECT_FALSE(is_signed_with(*read.headers, std::string(32, 'x')));
}

TEST(ReplicateWebhook, NamesOfHeadersInAnyCase) {
  EXPECT_TRUE(read_webhook_headers(R"({"Webhook-Id":"a","WEBHOOK-TIMESTAMP":"1","webhook-Signature":"v1,x"})"));
}

TEST(ReplicateWebhook, HeadersThatAreNone) {
  for (const char* headers :
       {"", "{", "[]", "7", "{}", R"({"webhook-id":"a"})", R"({"webhook-id":"a","webhook-timestamp":"1"})",
        R"({"webhook-id":"","webhook-timestamp":"1","webhook-signature":"v1,x"})",
        R"({"webhook-id":"a b","webhook-timestamp":"1","webhook-signature":"v1,x"})",
        R"({"webhook-id":7,"webhook-timestamp":"1","webhook-signature":"v1,x"})",
        R"({"webhook-id":"a","webhook-timestamp":" 1","webhook-signature":"v1,x"})",
        R"({"webhook-id":"a","webhook-timestamp":"-1","webhook-signature":"v1,x"})",
        R"({"webhook-id":"a","webhook-timestamp":"1e9","webhook-signature":"v1,x"})",
        R"({"webhook-id":"a","webhook-timestamp":"99999999999999999999","webhook-signature":"v1,x"})"}) {
    const ReadHeaders read = read_webhook_headers(headers);
    EXPECT_FALSE(read) << headers;
    EXPECT_FALSE(read.error.empty()) << headers;
  }
  EXPECT_FALSE(read_webhook_headers(headers_with(std::string(5000, 'v'))));
}

TEST(ReplicateWebhook, Signatures) {
  const std::string right = std::string("v1,") + kSignature;
  EXPECT_TRUE(is_accepted(right));
  EXPECT_TRUE(is_accepted("v1,AAAA " + right));
  EXPECT_TRUE(is_accepted(right + " v2,AAAA"));
  for (const std::string& wrong : {std::string("v9,") + kSignature, std::string(kSignature), std::string("v1,"),
                                   right + "=", "v1, " + right.substr(3), "v1," + right.substr(4),
                                   std::string("v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")})
    EXPECT_FALSE(is_accepted(wrong)) << wrong;
  EXPECT_EQ(webhook_signature(code()), right);
}

TEST(ReplicateWebhook, Tolerance) {
  WebhookHeaders headers;
  headers.sent_at_s = 1000;
  EXPECT_TRUE(is_recent(headers, 1000));
  EXPECT_TRUE(is_recent(headers, 1300));
  EXPECT_TRUE(is_recent(headers, 700));
  EXPECT_FALSE(is_recent(headers, 1301));
  EXPECT_FALSE(is_recent(headers, 699));
}

TEST(ReplicateWebhook, Secrets) {
  EXPECT_EQ(webhook_key(kSecret), "0123456789abcdef0123456789abcdef");
  for (const char* secret : {"", "whsec_", "whsec_x", "MDEyMzQ1", "whsec_MDE"})
    EXPECT_EQ(webhook_key(secret), std::nullopt);
  EXPECT_EQ(parse_webhook_secret(std::string(R"({"key":")") + kSecret + "\"}"), kSecret);
  for (const char* body : {"", "{}", R"({"key":7})", R"({"key":"whsec_"})", "<html>"})
    EXPECT_EQ(parse_webhook_secret(body), std::nullopt) << body;
}

TEST(ReplicateWebhook, Subject) {
  const auto subject =
      read_webhook(R"({"id":"p1","status":"succeeded","webhook":"https://x.test/r?a=1&attempt=eq.42"})");
  ASSERT_TRUE(subject);
  EXPECT_EQ(subject->prediction_id, "p1");
  EXPECT_EQ(subject->attempt, 42);
  EXPECT_EQ(read_webhook(R"({"id":"p1"})")->attempt, std::nullopt);
  EXPECT_TRUE(read_webhook("{\"id\":\"p1\",\"logs\":\"\\u0000\\ud800\"}"));
  for (const char* body : {"", "{}", "[]", R"({"id":""})", R"({"id":7})", R"({"id":"a b"})", R"({"id":"a\u0000"})"})
    EXPECT_FALSE(read_webhook(body)) << body;
  EXPECT_FALSE(read_webhook(R"({"id":")" + std::string(201, 'x') + "\"}"));
}

TEST(ReplicateWebhook, TheAttemptInTheUrl) {
  for (const char* url :
       {"https://x.test/r", "https://x.test/r?", "https://x.test/r?k=v&", "https://x.test/r?k=v#part"})
    EXPECT_EQ(attempt_in_webhook(webhook_for_attempt(url, 7)), 7) << url;
  for (const char* url :
       {"", "attempt=eq.7", "https://attempt=eq.7", "https://x.test/?attempt=eq.", "https://x.test/?attempt=eq.x",
        "https://x.test/?attempt=eq.-1", "https://x.test/?attempt=eq.7x", "https://x.test/?xattempt=eq.7",
        "https://x.test/?attempt=eq.99999999999999999999"})
    EXPECT_EQ(attempt_in_webhook(url), std::nullopt) << url;
}

}  // namespace
}  // namespace atelier::replicate
