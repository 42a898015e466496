// SPDX-License-Identifier: PostgreSQL
// The answers to the other questions: the list, the account of a token, the latest version of a model.
#include <gtest/gtest.h>

#include <string>

#include "replicate/outcome.hpp"
#include "unit/replicate_answers.hpp"

namespace atelier::replicate {
namespace {

ListVerdict list(const Answer& answer, int failed_looks = 0, double random = 0.5) {
  return judge_list(answer, kNow, random, failed_looks);
}

TEST(ReplicateList, APageIsSearched) {
  const ListVerdict verdict = list(answered(200, R"({"next":null,"results":[)" + prediction("starting") + "]}"));
  EXPECT_EQ(verdict.action, ListAction::page);
  ASSERT_TRUE(verdict.page);
  EXPECT_EQ(verdict.page->predictions.size(), 1U);
}

TEST(ReplicateList, AnEmptyPageIsAnAnswerToo) {
  EXPECT_EQ(list(answered(200, R"({"results":[]})")).action, ListAction::page);
}

TEST(ReplicateList, WhatIsNoPageIsAskedForAgain) {
  for (const Answer& answer : {answered(200), answered(200, "{}"), html(200), answered(200, R"({"results":[)"),
                               html(500), html(502), answered(503), answered(404), answered(422), answered(301),
                               unanswered(Delivery::not_sent), unanswered(Delivery::maybe_sent)}) {
    const ListVerdict verdict = list(answer);
    EXPECT_EQ(verdict.action, ListAction::repeat) << answer.status;
    EXPECT_FALSE(verdict.page);
    EXPECT_GE(verdict.delay_us, kSecond);
    EXPECT_LE(verdict.delay_us, 2 * kSecond);
    EXPECT_FALSE(verdict.failure.admin_message.empty());
  }
}

TEST(ReplicateList, TheDelayGrowsAndHonoursTheProvider) {
  EXPECT_GT(list(html(500), 5).delay_us, list(html(500)).delay_us);
  EXPECT_LE(list(html(500), 1000, 0.999).delay_us, 61 * kSecond);
  Answer answer = answered(503);
  answer.retry_after = "30";
  EXPECT_EQ(list(answer).delay_us, 30 * kSecond);
}

TEST(ReplicateList, ThrottlingHoldsTheAccount) {
  Answer answer = answered(429);
  answer.retry_after = "7";
  const ListVerdict verdict = list(answer);
  EXPECT_EQ(verdict.action, ListAction::throttle);
  EXPECT_GE(verdict.until_us, kNow + 7 * kSecond);
  EXPECT_LE(verdict.until_us, kNow + 8 * kSecond);
}

TEST(ReplicateList, ATokenThatIsNotAcceptedGivesWayToAnother) {
  for (const int status : {401, 402, 403}) {
    const ListVerdict verdict = list(answered(status));
    EXPECT_EQ(verdict.action, ListAction::other_token) << status;
    EXPECT_GE(verdict.delay_us, kSecond);
    EXPECT_EQ(verdict.failure.category, ErrorCategory::auth);
  }
}

TEST(ReplicateList, SomebodyElsesInputsAreNotTold) {
  const std::string body = R"({"results":[)" + prediction("starting");
  EXPECT_EQ(list(answered(200, body)).failure.admin_message.find("kettle"), std::string::npos);
}

TEST(ReplicateAccount, ATokenBelongsToAnAccount) {
  const TokenVerdict verdict = judge_account(answered(200, R"({"type":"organization","username":"acme"})"));
  EXPECT_EQ(verdict.action, TokenAction::valid);
  EXPECT_EQ(verdict.account, "acme");
}

TEST(ReplicateAccount, OnlyARefusalConfirmsARefusal) {
  EXPECT_EQ(judge_account(problem(401, "Unauthenticated", "x")).action, TokenAction::deactivate);
  for (const Answer& answer : {answered(402), answered(403), answered(404), answered(429), html(500), html(502),
                               answered(200), html(200), answered(200, "{}"), answered(200, R"({"username":""})"),
                               unanswered(Delivery::not_sent), unanswered(Delivery::maybe_sent)}) {
    EXPECT_EQ(judge_account(answer).action, TokenAction::unclear) << answer.status;
    EXPECT_EQ(judge_account(answer).account, "");
  }
  Answer undelivered = answered(401);
  undelivered.delivery = Delivery::maybe_sent;
  EXPECT_EQ(judge_account(undelivered).action, TokenAction::unclear);
}

ModelVerdict model(const Answer& answer, int tries = 0) { return judge_model(answer, kNow, 0.5, tries); }

TEST(ReplicateModel, TheLatestVersionIsFound) {
  const std::string version(64, 'a');
  const ModelVerdict verdict = model(answered(200, R"({"latest_version":{"id":")" + version + R"("}})"));
  EXPECT_EQ(verdict.version, version);
  EXPECT_FALSE(verdict.repeat);
}

TEST(ReplicateModel, AModelWithoutAVersionCannotRun) {
  for (const char* body : {"{}", R"({"latest_version":null})", R"({"latest_version":{"id":"latest"}})"}) {
    const ModelVerdict verdict = model(answered(200, body));
    EXPECT_EQ(verdict.version, std::nullopt);
    EXPECT_FALSE(verdict.repeat);
    EXPECT_EQ(verdict.failure.category, ErrorCategory::model_unavailable);
    EXPECT_EQ(verdict.failure.user_message, "The model of this generation is not available.");
  }
}

TEST(ReplicateModel, AModelThatIsNotThereCannotRun) {
  for (const int status : {400, 403, 404, 410, 422}) {
    const ModelVerdict verdict = model(answered(status));
    EXPECT_FALSE(verdict.version) << status;
    EXPECT_FALSE(verdict.repeat) << status;
    EXPECT_EQ(verdict.failure.category, ErrorCategory::model_unavailable);
    EXPECT_EQ(verdict.failure.admin_message, "HTTP " + std::to_string(status));
  }
}

TEST(ReplicateModel, AnAnswerThatSaysNothingIsAskedForAgain) {
  for (const Answer& answer :
       {html(200), answered(200), answered(200, R"({"latest_ver)"), html(500), html(502), answered(503), answered(301),
        answered(401), answered(402), answered(408), answered(409), answered(425), answered(429),
        unanswered(Delivery::not_sent), unanswered(Delivery::maybe_sent)}) {
    const ModelVerdict verdict = model(answer);
    EXPECT_FALSE(verdict.version) << answer.status;
    EXPECT_TRUE(verdict.repeat) << answer.status;
    EXPECT_GE(verdict.delay_us, kSecond);
    EXPECT_FALSE(verdict.failure.admin_message.empty());
  }
  Answer throttled = answered(429);
  throttled.retry_after = "9";
  EXPECT_EQ(model(throttled).delay_us, 9 * kSecond);
  EXPECT_GT(model(html(500), 5).delay_us, model(html(500)).delay_us);
}

}  // namespace
}  // namespace atelier::replicate
