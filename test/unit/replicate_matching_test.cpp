// SPDX-License-Identifier: PostgreSQL
#include "replicate/matching.hpp"

#include <gtest/gtest.h>

#include <string>

#include "replicate/request.hpp"

namespace atelier::replicate {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kSent = 1'763'805'600 * kSecond;
constexpr const char* kHook = "https://studio.example/hook?attempt=eq.7";

std::string item(const std::string& id, int64_t created_us, const std::string& input, const std::string& webhook = {}) {
  std::string text = R"({"id":")" + id + R"(","status":"starting","input":)" + input;
  if (created_us != 0) text += R"(,"created_at":")" + rfc3339(created_us) + '"';
  if (!webhook.empty()) text += R"(,"webhook":")" + webhook + '"';
  return text + "}";
}

template <typename... Items>
Page page(const std::string& next, const Items&... items) {
  std::string results;
  ((results += (results.empty() ? "" : ",") + std::string(items)), ...);
  return parse_page(R"({"next":)" + next + R"(,"results":[)" + results + "]}").value();
}

class ReplicateMatching : public ::testing::Test {
 protected:
  SentAttempt sent(const std::string& webhook = {}) const {
    return {kSent, input_.root(), 7, webhook, "acme/paint", {}};
  }
  static std::string found(const Page& in, const SentAttempt& sent, const std::set<std::string>& owned = {}) {
    const Prediction* prediction = find_match(in, sent, owned);
    return prediction == nullptr ? "none" : prediction->id;
  }

  const std::string input_text_ = R"({"prompt":"a red kettle","seed":1})";
  const core::json::Parsed input_ = core::json::parse(input_text_);
};

TEST_F(ReplicateMatching, OurWebhookCounts) {
  const Page in =
      page("null", item("b", kSent, "{}", "https://studio.example/hook?attempt=eq.8"), item("a", kSent, "{}", kHook));
  EXPECT_EQ(found(in, sent(kHook)), "a");
}

TEST_F(ReplicateMatching, OurWebhookCountsMoreThanAnEqualInput) {
  const Page in = page("null", item("b", kSent, "{}", kHook), item("a", kSent, input_text_));
  EXPECT_EQ(found(in, sent(kHook)), "b");
}

TEST_F(ReplicateMatching, AnEqualInputCountsWhereNoWebhookIsEchoed) {
  const Page in = page("null", item("b", kSent + kSecond, R"({"prompt":"another"})"),
                       item("a", kSent + kSecond, R"({"seed":1.0,"prompt":"a red kettle"})"));
  EXPECT_EQ(found(in, sent(kHook)), "a");
  EXPECT_EQ(found(in, sent()), "a");
}

TEST_F(ReplicateMatching, TheOldestOfEqualInputs) {
  const Page in = page("null", item("c", kSent + 3 * kSecond, input_text_), item("b", kSent + 2 * kSecond, input_text_),
                       item("a", kSent + kSecond, input_text_));
  EXPECT_EQ(found(in, sent()), "a");
  EXPECT_EQ(found(in, sent(), {"a"}), "b");
  EXPECT_EQ(found(in, sent(), {"a", "b", "c"}), "none");
}

TEST_F(ReplicateMatching, WhatIsOwnedIsNeverTaken) {
  EXPECT_EQ(found(page("null", item("a", kSent, input_text_, kHook)), sent(kHook), {"a"}), "none");
}

TEST_F(ReplicateMatching, AnotherAttemptsPredictionIsNotTakenByItsInput) {
  const Page in = page("null", item("a", kSent, input_text_, "https://studio.example/hook?attempt=eq.70"));
  EXPECT_EQ(found(in, sent(kHook)), "none");
  EXPECT_EQ(found(in, sent()), "none") << "we sent no webhook";
  const Page elsewhere = page("null", item("a", kSent, input_text_, "https://elsewhere.example/hook"));
  EXPECT_EQ(found(elsewhere, sent(kHook)), "none");
}

TEST_F(ReplicateMatching, TheAttemptIsKnownAgainAfterTheWebhooksUrlWasChanged) {
  const Page in = page("null", item("a", kSent, input_text_, "https://old.example/hook?x=1&attempt=eq.7"));
  EXPECT_EQ(found(in, sent(kHook)), "a");
  const Page other_input = page("null", item("a", kSent, "{}", "https://old.example/hook?attempt=eq.7"));
  EXPECT_EQ(found(other_input, sent(kHook)), "none") << "it may be another database's attempt";
}

TEST_F(ReplicateMatching, TheAttemptIsKnownAgainAfterTheWebhookWasSwitchedOff) {
  const Page in = page("null", item("a", kSent, input_text_, kHook));
  EXPECT_EQ(found(in, sent()), "a");
}

TEST_F(ReplicateMatching, TheSameNumberWithAnotherInputIsAnotherAttempt) {
  const Page in = page("null", item("a", kSent, R"({"prompt":"another"})", kHook));
  EXPECT_EQ(found(in, sent(kHook)), "none") << "numbers begin anew after a promotion";
}

std::string made_by(const std::string& id, const std::string& model, const std::string& version,
                    const std::string& input) {
  return R"({"id":")" + id + R"(","status":"starting","model":")" + model + R"(","version":")" + version +
         R"(","created_at":")" + rfc3339(kSent) + R"(","input":)" + input + "}";
}

TEST_F(ReplicateMatching, OfEqualInputsThatOfOurModelComesFirst) {
  const Page both =
      page("null", made_by("b", "acme/paint", "hidden", input_text_), made_by("a", "acme/draw", "hidden", input_text_));
  EXPECT_EQ(found(both, sent()), "b");
  const Page renamed = page("null", made_by("a", "internal/paint-int8", "hidden", input_text_));
  EXPECT_EQ(found(renamed, sent()), "a") << "the provider may call it otherwise";
  SentAttempt beside = sent();
  beside.other_models = {"acme/draw"};
  const Page other = page("null", made_by("a", "acme/draw", "hidden", input_text_));
  EXPECT_EQ(found(other, beside), "none") << "another attempt is looking for that one";
}

TEST_F(ReplicateMatching, AnotherVersionIsAnotherPrediction) {
  const std::string ours(64, 'a');
  const std::string theirs(64, 'b');
  SentAttempt pinned = sent();
  pinned.model = "acme/paint:" + ours;
  EXPECT_EQ(found(page("null", made_by("a", "acme/paint", theirs, input_text_)), pinned), "none");
  EXPECT_EQ(found(page("null", made_by("a", "acme/paint", ours, input_text_)), pinned), "a");
  EXPECT_EQ(found(page("null", made_by("a", "acme/paint", "hidden", input_text_)), pinned), "a");
}

TEST_F(ReplicateMatching, AnInputThatTheProviderHasDeletedProvesNothing) {
  const std::string deleted = R"({"id":"a","status":"succeeded","data_removed":true,"input":{},"created_at":")" +
                              rfc3339(kSent + kSecond) + R"("})";
  EXPECT_EQ(found(page("null", deleted), sent()), "none");
  EXPECT_TRUE(may_be_unreadable(page("null", deleted), sent(), {}));
  EXPECT_FALSE(may_be_unreadable(page("null", deleted), sent(), {"a"})) << "it is somebody's";
  EXPECT_TRUE(may_be_unreadable(page("null", item("a", kSent, "{}")), sent(), {})) << "not echoed";
  EXPECT_FALSE(may_be_unreadable(page("null", item("a", kSent + kArrivalUs + 1, "{}")), sent(), {})) << "made later";
  EXPECT_FALSE(may_be_unreadable(page("null", item("a", kSent - kClockSkewUs - 1, "{}")), sent(), {})) << "made before";
  EXPECT_FALSE(may_be_unreadable(page("null", item("a", kSent, R"({"prompt":"x"})")), sent(), {})) << "another input";
  EXPECT_FALSE(may_be_unreadable(page("null", item("a", kSent, "{}", "https://else.example/hook")), sent(), {}));
}

TEST_F(ReplicateMatching, NothingFromBeforeTheSending) {
  EXPECT_EQ(found(page("null", item("a", kSent - kClockSkewUs - kSecond, input_text_)), sent()), "none");
  EXPECT_EQ(found(page("null", item("a", kSent - kClockSkewUs, input_text_)), sent()), "a") << "clocks differ";
  EXPECT_EQ(found(page("null", item("a", 0, input_text_)), sent()), "a") << "the time is missing";
}

TEST_F(ReplicateMatching, AnInputThatIsMissingEqualsNothing) {
  const Page in = page("null", R"({"id":"a","status":"starting"})", R"({"id":"b","status":"starting","input":null})");
  EXPECT_EQ(found(in, sent()), "none");
  EXPECT_EQ(found(in, SentAttempt{kSent, {}, 7, {}, {}, {}}), "none");
  EXPECT_EQ(found(page("null"), sent(kHook)), "none");
}

TEST_F(ReplicateMatching, OlderPagesAreReadWhileTheyMayHoldIt) {
  const std::string next = R"("https://api.replicate.com/v1/predictions?cursor=x")";
  EXPECT_TRUE(may_be_on_next_page(page(next, item("a", kSent + kSecond, "{}")), kSent));
  EXPECT_TRUE(may_be_on_next_page(page(next, item("a", kSent - kClockSkewUs, "{}")), kSent));
  EXPECT_TRUE(may_be_on_next_page(page(next, item("a", 0, "{}")), kSent));
  EXPECT_FALSE(may_be_on_next_page(page("null", item("a", kSent + kSecond, "{}")), kSent));
  EXPECT_FALSE(may_be_on_next_page(page(next), kSent));
  EXPECT_FALSE(may_be_on_next_page(
      page(next, item("b", kSent + kSecond, "{}"), item("a", kSent - kClockSkewUs - 1, "{}")), kSent))
      << "the oldest is the last";
}

}  // namespace
}  // namespace atelier::replicate
