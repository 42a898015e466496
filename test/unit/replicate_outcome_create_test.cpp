// SPDX-License-Identifier: PostgreSQL
// The rows of the decision table about the answer to a creating request.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/text.hpp"
#include "replicate/outcome.hpp"
#include "unit/replicate_answers.hpp"

namespace atelier::replicate {
namespace {

namespace text = core::text;

CreateContext at(double random = 0.5) {
  CreateContext context;
  context.now_us = kNow;
  context.random = random;
  return context;
}

CreateVerdict judge(const Answer& answer, const CreateContext& context = at()) { return judge_create(answer, context); }

void expect_unknown(const Answer& answer, const std::string& what) {
  const CreateVerdict verdict = judge(answer);
  EXPECT_EQ(verdict.action, CreateAction::unknown) << what;
  EXPECT_FALSE(verdict.prediction) << what;
  EXPECT_FALSE(verdict.failure.user_message.empty()) << what;
  EXPECT_FALSE(verdict.failure.admin_message.empty()) << what;
}

const char* const kLowCredit =
    "Request was throttled. Your rate limit for creating predictions is reduced to 6 requests per minute with a burst "
    "of "
    "1 requests while you have less than $5.0 in credit. Your rate limit resets in ~5s.";

TEST(ReplicateCreate, NothingWasSent) {
  const CreateVerdict verdict = judge(unanswered(Delivery::not_sent, "could not resolve host"));
  EXPECT_EQ(verdict.action, CreateAction::requeue);
  EXPECT_EQ(verdict.delay_us, kSecond / 2);
  EXPECT_EQ(verdict.failure.category, ErrorCategory::network);
  EXPECT_EQ(verdict.failure.admin_message, "not reached: could not resolve host");
}

TEST(ReplicateCreate, TheDelayGrowsWithTheTries) {
  CreateContext context = at(0.999999);
  context.tries = 4;
  const int64_t delay_us = judge(unanswered(Delivery::not_sent), context).delay_us;
  EXPECT_NEAR(static_cast<double>(delay_us), 16e6, 1000);
  context.tries = 1000;
  EXPECT_LE(judge(unanswered(Delivery::not_sent), context).delay_us, kMinute);
}

TEST(ReplicateCreate, AnyTwoHundredWithAnIdIsAccepted) {
  for (const int status : {200, 201, 202}) {
    const CreateVerdict verdict = judge(answered(status, prediction("starting")));
    EXPECT_EQ(verdict.action, CreateAction::accepted) << status;
    ASSERT_TRUE(verdict.prediction);
    EXPECT_EQ(verdict.prediction->id, "p1");
    EXPECT_EQ(verdict.prediction->status, PredictionStatus::starting);
  }
  EXPECT_EQ(judge(answered(201, prediction("failed"))).action, CreateAction::accepted);
  EXPECT_EQ(judge(answered(201, R"({"id":"p1"})")).action, CreateAction::accepted);
}

TEST(ReplicateCreate, ALostAnswerIsAmbiguous) {
  expect_unknown(unanswered(Delivery::maybe_sent, "timed out"), "timeout after the sending");
  expect_unknown(unanswered(Delivery::maybe_sent, ""), "no reason");
  EXPECT_EQ(judge(unanswered(Delivery::maybe_sent, "timed out")).failure.admin_message, "no answer: timed out");
  EXPECT_EQ(judge(unanswered(Delivery::maybe_sent)).failure.category, ErrorCategory::network);
}

TEST(ReplicateCreate, ATwoHundredWithoutAPredictionIsAmbiguous) {
  const std::string whole = prediction("starting");
  for (const std::string& body : {std::string(), std::string("{}"), std::string("[]"), std::string("null"),
                                  R"({"status":"starting"})" + std::string(), whole.substr(0, whole.size() / 2),
                                  std::string("<html>Created</html>"), std::string(100'000, '[')}) {
    for (const int status : {200, 201, 202}) expect_unknown(answered(status, body), body.substr(0, 40));
  }
}

TEST(ReplicateCreate, WhatWasInputIsNotToldByAHalfAnswer) {
  const std::string whole = prediction("starting");
  const CreateVerdict verdict = judge(answered(201, whole.substr(0, whole.size() - 1)));
  EXPECT_EQ(verdict.failure.admin_message.find("kettle"), std::string::npos);
  EXPECT_NE(verdict.failure.admin_message.find("201"), std::string::npos);
}

TEST(ReplicateCreate, ServerErrorsAreAmbiguous) {
  for (const int status : {500, 501, 502, 503, 504, 507, 520, 521, 522, 523, 524, 525, 526, 530, 599}) {
    expect_unknown(answered(status, R"({"detail":"Internal server error"})"), std::to_string(status));
    expect_unknown(html(status), std::to_string(status));
  }
  EXPECT_EQ(judge(html(502)).failure.admin_message, "HTTP 502: Bad Gateway");
}

TEST(ReplicateCreate, ConflictsAndRequestTimeoutsAreAmbiguous) {
  for (const int status : {408, 409, 425}) expect_unknown(problem(status, "Conflict", "x"), std::to_string(status));
}

TEST(ReplicateCreate, AnythingUnheardOfIsAmbiguous) {
  for (const int status : {0, 100, 301, 302, 304, 600, 999, -1})
    expect_unknown(answered(status), std::to_string(status));
}

TEST(ReplicateCreate, AnAmbiguousAnswerMayAskForAWait) {
  Answer answer = answered(503, "{}");
  EXPECT_EQ(judge(answer).delay_us, 0);
  answer.retry_after = "20";
  EXPECT_EQ(judge(answer).delay_us, 20 * kSecond);
  answer.retry_after = "Sat, 22 Nov 2025 10:00:30 GMT";
  EXPECT_EQ(judge(answer).delay_us, 30 * kSecond);
}

TEST(ReplicateCreate, ThrottledUntilTheAnnouncedTime) {
  Answer header = answered(429, R"({"detail":"Request was throttled."})");
  header.retry_after = "5";
  Answer date = header;
  date.retry_after = "Sat, 22 Nov 2025 10:00:05 GMT";
  Answer reset = answered(429, R"({"detail":"Request was throttled."})");
  reset.ratelimit_reset = "5";
  for (const Answer& answer :
       {header, date, reset, answered(429, R"({"detail":"Request was throttled.","status":429,"retry_after":5})"),
        answered(429, R"({"detail":"Request was throttled. Your rate limit resets in ~5s."})"),
        answered(429, R"({"detail":"Request was throttled. Expected available in 5 second."})")}) {
    for (const double random : {0.0, 0.5, 0.999}) {
      const CreateVerdict verdict = judge(answer, at(random));
      EXPECT_EQ(verdict.action, CreateAction::throttle);
      EXPECT_GE(verdict.until_us, kNow + 5 * kSecond);
      EXPECT_LE(verdict.until_us, kNow + 6 * kSecond);
      EXPECT_FALSE(verdict.low_credit);
      EXPECT_EQ(verdict.failure.category, ErrorCategory::rate_limit);
    }
    EXPECT_GT(judge(answer, at(0.9)).until_us, judge(answer, at(0.1)).until_us) << "jitter";
  }
}

TEST(ReplicateCreate, AnAnnouncedTimeOfNothingIsNoInvitation) {
  Answer answer = answered(429);
  for (const char* none : {"0", "-7", "Sat, 22 Nov 2025 09:00:00 GMT"}) {
    answer.retry_after = none;
    EXPECT_GE(judge(answer, at(0.0)).until_us, kNow + kSecond) << none;
  }
}

TEST(ReplicateCreate, ThrottledWithoutATime) {
  for (const Answer& answer : {answered(429), html(429), answered(429, R"({"detail":"Request was throttled."})")}) {
    const CreateVerdict verdict = judge(answer);
    EXPECT_EQ(verdict.action, CreateAction::throttle);
    EXPECT_GE(verdict.until_us, kNow + kSecond);
    EXPECT_LE(verdict.until_us, kNow + 20 * kSecond);
  }
  CreateContext often = at();
  often.tries = 10;
  EXPECT_GT(judge(answered(429), often).until_us, judge(answered(429)).until_us);
}

TEST(ReplicateCreate, ThrottledForLackOfCredit) {
  const CreateVerdict verdict =
      judge(answered(429, R"({"detail":")" + std::string(kLowCredit) + R"(","status":429,"retry_after":5})"));
  EXPECT_EQ(verdict.action, CreateAction::throttle);
  EXPECT_TRUE(verdict.low_credit);
  EXPECT_GE(verdict.until_us, kNow + 5 * kSecond);
  EXPECT_TRUE(judge(problem(429, "", "You have less than $20 left")).low_credit);
  EXPECT_TRUE(judge(problem(429, "", "at most 6 requests per minute")).low_credit);
  EXPECT_FALSE(judge(problem(429, "", "at most 600 requests per minute")).low_credit);
}

TEST(ReplicateCreate, ATokenThatIsNotAcceptedIsAskedAboutOnce) {
  const CreateVerdict verdict = judge(problem(401, "Unauthenticated", "You did not pass a valid authentication token"));
  EXPECT_EQ(verdict.action, CreateAction::confirm_token);
  EXPECT_EQ(verdict.failure.category, ErrorCategory::auth);
}

TEST(ReplicateCreate, AnAccountThatCannotPayRestsForTenToThirtyMinutes) {
  for (const char* title : {"Billing required", "Insufficient credit", "Monthly spend limit reached"}) {
    EXPECT_EQ(judge(problem(402, title, "wait a few minutes")).action, CreateAction::cannot_pay) << title;
  }
  const Answer answer = problem(402, "Billing required", "x");
  EXPECT_EQ(judge(answer, at(0.0)).until_us, kNow + 10 * kMinute);
  EXPECT_EQ(judge(answer, at(0.5)).until_us, kNow + 20 * kMinute);
  EXPECT_NEAR(static_cast<double>(judge(answer, at(0.999999)).until_us), static_cast<double>(kNow + 30 * kMinute), 2e3);
  EXPECT_NE(judge(answer).failure.admin_message.find("Billing required"), std::string::npos) << "admins must know";
}

TEST(ReplicateCreate, ForbiddenIsTriedWithOneOtherAccount) {
  CreateContext context = at();
  EXPECT_EQ(judge(problem(403, "Forbidden", "x"), context).action, CreateAction::try_other_account);
  context.other_account_tried = true;
  EXPECT_EQ(judge(problem(403, "Forbidden", "x"), context).action, CreateAction::fail);
}

TEST(ReplicateCreate, AVersionThatIsNotPermittedIsTriedWithOneOtherAccount) {
  const Answer answer =
      problem(422, "Invalid version or not permitted",
              "The specified version does not exist (or perhaps you don't have permission to use it?)");
  CreateContext context = at();
  EXPECT_EQ(judge(answer, context).action, CreateAction::try_other_account);
  context.other_account_tried = true;
  const CreateVerdict verdict = judge(answer, context);
  EXPECT_EQ(verdict.action, CreateAction::fail);
  EXPECT_EQ(verdict.failure.category, ErrorCategory::model_unavailable);
  EXPECT_EQ(verdict.failure.user_message, "The model of this generation is not available.");
}

TEST(ReplicateCreate, EitherTextOfAVersionThatIsNotPermittedWillDo) {
  for (const Answer& answer :
       {problem(422, "Invalid version or not permitted", ""), problem(422, "", "The specified version does not exist"),
        answered(422, "Invalid version")})
    EXPECT_EQ(judge(answer).action, CreateAction::try_other_account);
}

TEST(ReplicateCreate, ANameThatIsNotFoundIsLookedUpOnce) {
  const Answer answer = answered(404, R"({"detail":"The requested resource could not be found.","status":404})");
  CreateContext context = at();
  context.named_without_version = true;
  EXPECT_EQ(judge(answer, context).action, CreateAction::resolve_version);
  context.named_without_version = false;
  const CreateVerdict verdict = judge(answer, context);
  EXPECT_EQ(verdict.action, CreateAction::fail);
  EXPECT_EQ(verdict.failure.category, ErrorCategory::model_unavailable);
  EXPECT_EQ(verdict.failure.user_message, "The model of this generation is not available.");
}

TEST(ReplicateCreate, ARefusedInputFailsAndSaysWhy) {
  const Answer answer = answered(
      422,
      R"({"title":"Input validation failed","status":422,"detail":"- input.aspect_ratio: wrong\n","invalid_fields":[
            {"type":"enum","field":"input.aspect_ratio","description":"input.aspect_ratio: must be 1:1"}]})");
  for (const bool tried : {false, true}) {
    CreateContext context = at();
    context.other_account_tried = tried;
    context.named_without_version = true;
    const CreateVerdict verdict = judge(answer, context);
    EXPECT_EQ(verdict.action, CreateAction::fail);
    EXPECT_EQ(verdict.failure.category, ErrorCategory::invalid_input);
    EXPECT_EQ(verdict.failure.user_message, "The input is not valid: aspect_ratio: must be 1:1.");
  }
  EXPECT_EQ(judge(answered(422, "not json")).action, CreateAction::fail);
}

TEST(ReplicateCreate, AFieldThatSpeaksOfVersionsIsAnInput) {
  const Answer answer = answered(422, R"({"title":"Input validation failed","detail":"- input.v: invalid version",
      "invalid_fields":[{"type":"enum","field":"input.v","description":"input.v: invalid version"}]})");
  EXPECT_EQ(judge(answer).action, CreateAction::fail);
  EXPECT_EQ(judge(answer).failure.category, ErrorCategory::invalid_input);
}

TEST(ReplicateCreate, TooLargeAnInputFails) {
  const CreateVerdict verdict = judge(problem(413, "Payload too large", "x"));
  EXPECT_EQ(verdict.action, CreateAction::fail);
  EXPECT_EQ(verdict.failure.category, ErrorCategory::invalid_input);
  EXPECT_NE(verdict.failure.user_message.find("too large"), std::string::npos);
}

TEST(ReplicateCreate, OurOwnMistakesFail) {
  for (const int status : {400, 405, 406, 407, 410, 411, 414, 415, 418, 428, 431, 451, 499}) {
    const CreateVerdict verdict = judge(problem(status, "Title", "Detail"));
    EXPECT_EQ(verdict.action, CreateAction::fail) << status;
    EXPECT_EQ(verdict.failure.admin_message, "HTTP " + std::to_string(status) + ": Title: Detail");
  }
}

std::vector<Answer> all_failures() {
  const std::string secret = "r8_abcdefghijklmnopqrstuvwxyz0123456789abc";
  const std::string detail = "Replicate says https://replicate.com/account/billing#billing: token " + secret +
                             ", credit and payment required, Bearer " + secret + ". resets in ~1s";
  std::vector<Answer> answers;
  for (int status = 100; status < 600; ++status) {
    answers.push_back(problem(status, "Insufficient credit", detail));
    answers.push_back(
        answered(status, R"({"title":"Input validation failed","invalid_fields":[{"type":"enum","field":"input.a",
        "description":")" + detail +
                             "\"}]}"));
    answers.push_back(answered(status, "<html><p>" + detail + "</p></html>"));
  }
  answers.push_back(unanswered(Delivery::not_sent, detail));
  answers.push_back(unanswered(Delivery::maybe_sent, detail));
  return answers;
}

TEST(ReplicateCreate, UsersNeverReadProviderMoneyAddressesOrSecrets) {
  for (const Answer& answer : all_failures()) {
    for (const bool flag : {false, true}) {
      CreateContext context = at();
      context.other_account_tried = context.named_without_version = flag;
      const Failure failure = judge(answer, context).failure;
      const std::string message = text::lower(failure.user_message);
      EXPECT_FALSE(message.empty()) << answer.status;
      for (const char* word : {"replicate", "http", "r8_", "credit", "billing", "payment", "token", "bearer"})
        EXPECT_EQ(message.find(word), std::string::npos) << answer.status << ": " << message;
    }
  }
}

TEST(ReplicateCreate, AdminsReadTheRestWithoutSecrets) {
  for (const Answer& answer : all_failures()) {
    const std::string message = judge(answer).failure.admin_message;
    EXPECT_FALSE(message.empty()) << answer.status;
    EXPECT_EQ(message.find("r8_"), std::string::npos) << message;
    EXPECT_LE(message.size(), 2000U);
    EXPECT_FALSE(text::has_control_characters(message));
  }
}

TEST(ReplicateCreate, LongAnswersAreCut) {
  for (const int status : {400, 422, 429, 500}) {
    const Answer answer = problem(status, std::string(100'000, 'x'), std::string(100'000, 'y'));
    EXPECT_LE(judge(answer).failure.admin_message.size(), 2000U);
    EXPECT_LE(judge(answer).failure.user_message.size(), 400U);
  }
  EXPECT_LE(judge(unanswered(Delivery::maybe_sent, std::string(100'000, 'x'))).failure.admin_message.size(), 2000U);
}

}  // namespace
}  // namespace atelier::replicate
