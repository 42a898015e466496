// SPDX-License-Identifier: PostgreSQL
#include "replicate/request.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <string>

#include "core/json.hpp"

namespace atelier::replicate {
namespace {

namespace json = core::json;

const std::string kVersion(64, 'a');
constexpr const char* kBase = "https://api.replicate.com/v1";

Reference reference(std::string_view text) { return parse_model_reference(text).reference.value(); }

Request create(std::string_view model, std::string_view input = "{}", const CreateOptions& options = {}) {
  const MadeRequest made = create_prediction(reference(model), input, options);
  EXPECT_TRUE(made) << made.error;
  return made.request.value_or(Request());
}

std::set<std::string> keys(const std::string& body) {
  std::set<std::string> found;
  const json::Parsed parsed = json::parse(body);
  for (const json::Member member : parsed.root().members()) found.emplace(member.key);
  return found;
}

TEST(ReplicateRequest, EveryKindOfReferenceHasItsEndpoint) {
  EXPECT_EQ(create("acme/paint").path, "/models/acme/paint/predictions");
  EXPECT_EQ(create("deployment:acme/paint").path, "/deployments/acme/paint/predictions");
  EXPECT_EQ(create("acme/paint:" + kVersion).path, "/predictions");
  EXPECT_EQ(create(kVersion).path, "/predictions");
}

TEST(ReplicateRequest, OnlyVersionsAreNamedInTheBody) {
  EXPECT_EQ(create("acme/paint").body, R"({"input":{}})");
  EXPECT_EQ(create("deployment:acme/paint").body, R"({"input":{}})");
  EXPECT_EQ(create(kVersion).body, R"({"version":")" + kVersion + R"(","input":{}})");
  EXPECT_EQ(create("acme/paint:" + kVersion).body, R"({"version":"acme/paint:)" + kVersion + R"(","input":{}})");
}

TEST(ReplicateRequest, TheBodyHoldsNothingElse) {
  CreateOptions options;
  options.webhook_url = "https://studio.example/hook?attempt=eq.1";
  const Request request = create(kVersion, R"({"prompt":"a red kettle","version":"mine"})", options);
  EXPECT_EQ(keys(request.body), (std::set<std::string>{"version", "input", "webhook", "webhook_events_filter"}));
  const json::Parsed body = json::parse(request.body);
  EXPECT_EQ(body.root().find("webhook").string_or_empty(), options.webhook_url);
  EXPECT_EQ(json::to_text(body.root().find("webhook_events_filter")), R"(["completed"])");
  EXPECT_EQ(keys(create("acme/paint").body), (std::set<std::string>{"input"}));
}

TEST(ReplicateRequest, ACreatingRequestIsAPostThatEndsByItself) {
  CreateOptions options;
  options.cancel_after_seconds = 900;
  const Request request = create("acme/paint", "{}", options);
  EXPECT_EQ(request.method, Method::post);
  EXPECT_EQ(name(request.method), "POST");
  EXPECT_TRUE(request.creates);
  EXPECT_EQ(request.cancel_after, "900s");
  EXPECT_EQ(create("acme/paint").cancel_after, "5s") << "the header is never left out";
}

TEST(ReplicateRequest, CancelAfterStaysWithinWhatTheProviderTakes) {
  EXPECT_EQ(cancel_after_value(5), "5s");
  EXPECT_EQ(cancel_after_value(4), "5s");
  EXPECT_EQ(cancel_after_value(-1), "5s");
  EXPECT_EQ(cancel_after_value(86'400), "86400s");
  EXPECT_EQ(cancel_after_value(86'401), "86400s");
  EXPECT_EQ(cancel_after_value(std::numeric_limits<int64_t>::max()), "86400s");
}

TEST(ReplicateRequest, TheInputIsSentAsItIs) {
  const std::string input = R"({"seed":12345678901234567890123,"x":1.10,"text":"\u00fc\"","deep":[{"a":[null,true]}]})";
  const std::string body = create("acme/paint", input).body;
  EXPECT_TRUE(json::equal(json::parse(body).root().find("input"), json::parse(input).root()));
  EXPECT_NE(body.find("12345678901234567890123"), std::string::npos) << "numbers keep their digits";
}

TEST(ReplicateRequest, AnInputThatIsNoObjectIsNotSent) {
  for (const char* input : {"", "[]", "null", "\"text\"", "1", "{", "{}{}", "{\"a\":}", "not json"}) {
    const MadeRequest made = create_prediction(reference("acme/paint"), input, {});
    EXPECT_FALSE(made) << input;
    EXPECT_FALSE(made.error.empty());
  }
  EXPECT_EQ(create_prediction(reference("acme/paint"), "[]", {}).error, "the input is not a JSON object");
  EXPECT_FALSE(create_prediction(reference("acme/paint"), std::string(100'000, '['), {}));
}

TEST(ReplicateRequest, AWebhookThatTheProviderRefusesIsNotSent) {
  for (const std::string& url : {std::string("http://studio.example/hook"), std::string("ftp://x"), std::string("x"),
                                 "https://studio.example/" + std::string(2048, 'x')}) {
    CreateOptions options;
    options.webhook_url = url;
    const MadeRequest made = create_prediction(reference("acme/paint"), "{}", options);
    EXPECT_FALSE(made) << url;
    EXPECT_EQ(made.error.find("studio.example"), std::string::npos);
  }
}

TEST(ReplicateRequest, WebhooksAreHttpsOrOnThisMachine) {
  EXPECT_TRUE(is_webhook_url("https://studio.example/hook"));
  EXPECT_TRUE(is_webhook_url("http://127.0.0.1:3000/hook"));
  EXPECT_TRUE(is_webhook_url("http://localhost/hook"));
  EXPECT_TRUE(is_webhook_url("http://[::1]:3000/hook"));
  EXPECT_FALSE(is_webhook_url(""));
  EXPECT_FALSE(is_webhook_url("http://studio.example/hook"));
  EXPECT_FALSE(is_webhook_url("http://127.0.0.1@studio.example/hook"));
  EXPECT_FALSE(is_webhook_url("http://localhost.studio.example/"));
  EXPECT_FALSE(is_webhook_url("https://studio.example/ho ok"));
  EXPECT_TRUE(is_webhook_url("https://a/" + std::string(2038, 'x')));
  EXPECT_FALSE(is_webhook_url("https://a/" + std::string(2039, 'x')));
}

TEST(ReplicateRequest, TheAttemptIsAFilterInTheWebhooksQuery) {
  EXPECT_EQ(webhook_for_attempt("https://a/rpc/hook", 7), "https://a/rpc/hook?attempt=eq.7");
  EXPECT_EQ(webhook_for_attempt("https://a/rpc/hook?key=1", 7), "https://a/rpc/hook?key=1&attempt=eq.7");
  EXPECT_EQ(webhook_for_attempt("https://a/rpc/hook?", 7), "https://a/rpc/hook?attempt=eq.7");
  EXPECT_EQ(webhook_for_attempt("https://a/rpc/hook?key=1&", 7), "https://a/rpc/hook?key=1&attempt=eq.7");
  EXPECT_EQ(webhook_for_attempt("https://a/rpc/hook#part", 7), "https://a/rpc/hook?attempt=eq.7");
}

TEST(ReplicateRequest, ALookedUpVersionTakesTheNamesPlace) {
  const Reference resolved = with_version(reference("acme/paint"), kVersion);
  EXPECT_EQ(resolved.kind, ReferenceKind::model_version);
  const MadeRequest made = create_prediction(resolved, "{}", {});
  ASSERT_TRUE(made);
  EXPECT_EQ(made.request->path, "/predictions");
  EXPECT_NE(made.request->body.find("acme/paint:" + kVersion), std::string::npos);
}

TEST(ReplicateRequest, OtherRequestsCreateNothing) {
  const Request cancel = cancel_prediction("abc");
  EXPECT_EQ(cancel.method, Method::post);
  EXPECT_EQ(cancel.path, "/predictions/abc/cancel");
  EXPECT_TRUE(cancel.body.empty());
  const Request get = get_prediction("abc");
  EXPECT_EQ(get.method, Method::get);
  EXPECT_EQ(name(get.method), "GET");
  EXPECT_EQ(get.path, "/predictions/abc");
  EXPECT_EQ(get_model(reference("acme/paint")).path, "/models/acme/paint");
  EXPECT_EQ(get_model(reference("acme/paint:" + kVersion)).path, "/models/acme/paint");
  EXPECT_EQ(get_account().path, "/account");
  EXPECT_EQ(get_webhook_secret().path, "/webhooks/default/secret");
  for (const Request& request : {cancel, get, list_predictions(0), get_account(), get_webhook_secret()}) {
    EXPECT_FALSE(request.creates);
    EXPECT_TRUE(request.cancel_after.empty());
  }
}

TEST(ReplicateRequest, AnIdCannotLeadToAnotherPath) {
  EXPECT_EQ(get_prediction("../account").path, "/predictions/..%2Faccount");
  EXPECT_EQ(cancel_prediction("a?b#c\r\n").path, "/predictions/a%3Fb%23c%0D%0A/cancel");
}

TEST(ReplicateRequest, TheListIsAskedFromATimeOn) {
  EXPECT_EQ(
      list_predictions(1'763'805'600'000'000, 1'763'805'720'000'000).path,
      "/predictions?created_after=2025-11-22T10%3A00%3A00.000000Z&created_before=2025-11-22T10%3A02%3A00.000000Z");
  EXPECT_EQ(list_predictions(1'763'805'600'123'456).path, "/predictions?created_after=2025-11-22T10%3A00%3A00.123456Z");
}

TEST(ReplicateRequest, TheNextPageIsPartOfTheList) {
  const auto next = next_page("https://api.replicate.com/v1/predictions?cursor=cD0y&created_after=2025");
  ASSERT_TRUE(next);
  EXPECT_EQ(next->path, "/predictions?cursor=cD0y&created_after=2025");
  EXPECT_EQ(next->method, Method::get);
}

TEST(ReplicateRequest, WhereverTheNextPageIsOnlyItsQueryCounts) {
  for (const char* next :
       {"/predictions?cursor=x", "/v1/predictions?cursor=x", "https://api.replicate.com/v1/predictions/?cursor=x",
        "http://127.0.0.1:8080/v1/predictions?cursor=x", "https://evil.example/v1/predictions?cursor=x",
        "https://api.replicate.com/v1@evil.example/predictions?cursor=x"}) {
    const auto request = next_page(next);
    ASSERT_TRUE(request) << next;
    EXPECT_EQ(request->path, "/predictions?cursor=x") << next;
  }
}

TEST(ReplicateRequest, ANextPageThatIsNoneIsNotFollowed) {
  for (const char* next :
       {"", "null", "https://api.replicate.com/v1/account?x", "https://api.replicate.com/v1/predictionsx?cursor=x",
        "https://api.replicate.com/v1/predictions/abc/cancel?x", "https://api.replicate.com/v1/predictions",
        "https://api.replicate.com/v1/predictions?", "https://api.replicate.com/v1/predictions?a b",
        "https://api.replicate.com/v1/predictions?a\r\nX: 1", "https://api.replicate.com/v1/predictions?a#b",
        "https://api.replicate.com/v1/predictions?a\xc3\xbc"}) {
    EXPECT_FALSE(next_page(next)) << next;
  }
  EXPECT_FALSE(next_page("/predictions?" + std::string(100'000, 'x')));
}

TEST(ReplicateRequest, TimesAreWrittenWithSixDigits) {
  EXPECT_EQ(rfc3339(0), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(rfc3339(1'763'805'600'000'007), "2025-11-22T10:00:00.000007Z");
  EXPECT_EQ(rfc3339(951'827'696'000'000), "2000-02-29T12:34:56.000000Z");
  EXPECT_EQ(rfc3339(-1), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(rfc3339(std::numeric_limits<int64_t>::max()), "9999-12-31T23:59:59.999999Z");
  EXPECT_EQ(rfc3339(std::numeric_limits<int64_t>::min()), "0000-01-01T00:00:00.000000Z");
}

}  // namespace
}  // namespace atelier::replicate
