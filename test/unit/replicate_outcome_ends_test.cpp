// SPDX-License-Identifier: PostgreSQL
// The rows of the decision table about the ends of a prediction: succeeded, failed, canceled, aborted.
#include <gtest/gtest.h>

#include <string>

#include "replicate/request.hpp"
#include "unit/replicate_watching.hpp"

namespace atelier::replicate {
namespace {

using core::AttemptState;

PollVerdict failed_with(const std::string& error, const PollContext& context = watching()) {
  return look(prediction("failed", R"(,"error":")" + error + '"'), context);
}

// Succeeded.

TEST(ReplicateEnd, SucceededWithFiles) {
  for (const char* status : {"succeeded", "successful"}) {
    const PollVerdict verdict = look(prediction(status, R"(,"output":["https://a/0","https://a/1"])"));
    expect_end(verdict, PollAction::completed, AttemptState::succeeded);
    EXPECT_EQ(verdict.output.urls.size(), 2U);
    ASSERT_TRUE(verdict.prediction);
  }
}

TEST(ReplicateEnd, SucceededWithAText) {
  PollContext context = watching();
  const std::string body = prediction("succeeded", R"(,"output":["a cat"," on a mat"])");
  expect_end(look(body, context), PollAction::failed, AttemptState::succeeded);
  context.output.text = true;
  const PollVerdict verdict = look(body, context);
  expect_end(verdict, PollAction::completed, AttemptState::succeeded);
  EXPECT_EQ(verdict.output.text, "a cat on a mat");
}

TEST(ReplicateEnd, SucceededWithFilesOfThisMachine) {
  const std::string body = prediction("succeeded", R"(,"output":"http://127.0.0.1:1/x")");
  EXPECT_EQ(look(body).action, PollAction::failed);
  PollContext context = watching();
  context.output.allow_loopback_http = true;
  EXPECT_EQ(look(body, context).action, PollAction::completed);
}

TEST(ReplicateEnd, SucceededWithoutUsableOutput) {
  for (const char* output :
       {"", R"(,"output":null)", R"(,"output":[])", R"(,"output":{})", R"(,"output":42)", R"(,"output":"a text")"}) {
    PollContext context = watching();
    const PollVerdict verdict = look(prediction("succeeded", output), context);
    expect_end(verdict, PollAction::failed, AttemptState::succeeded);
    EXPECT_EQ(verdict.failure.user_message, "The model returned no result.");
  }
  PollContext context = watching();
  context.output.text = true;
  EXPECT_EQ(look(prediction("succeeded"), context).failure.user_message, "The model returned no text.");
}

TEST(ReplicateEnd, SucceededButTheDataIsGone) {
  for (const char* output : {R"(,"output":null)", ""}) {
    const PollVerdict verdict = look(prediction("succeeded", std::string(output) + R"(,"data_removed":true)"));
    expect_end(verdict, PollAction::failed, AttemptState::succeeded);
    EXPECT_EQ(verdict.failure.user_message, "The result of this generation has expired.");
  }
  expect_end(look(prediction("succeeded", R"(,"output":"https://a/x","data_removed":true)")), PollAction::completed,
             AttemptState::succeeded);
}

TEST(ReplicateEnd, WhatSucceedsAlthoughItWasCancelledIsCompleted) {
  PollContext context = watching();
  context.cancel_requested = true;
  expect_end(look(prediction("succeeded", R"(,"output":"https://a/x")"), context), PollAction::completed,
             AttemptState::succeeded);
}

// Failed.

TEST(ReplicateEnd, AFinalFailureIsNotPaidForAgain) {
  const PollVerdict verdict = failed_with("The input or output was flagged as sensitive. (E005) (w5Jm2)");
  expect_end(verdict, PollAction::failed, AttemptState::failed);
  EXPECT_EQ(verdict.failure.category, ErrorCategory::nsfw);
  EXPECT_NE(verdict.failure.user_message.find("content"), std::string::npos);
  EXPECT_NE(verdict.failure.admin_message.find("(E005)"), std::string::npos);
  expect_end(failed_with("CUDA out of memory"), PollAction::failed, AttemptState::failed);
  expect_end(failed_with("list index out of range"), PollAction::failed, AttemptState::failed);
}

TEST(ReplicateEnd, APassingFailureIsTriedAgain) {
  const PollVerdict verdict = failed_with("Prediction interrupted; please retry (code: PA)");
  expect_end(verdict, PollAction::try_again, AttemptState::failed);
  EXPECT_GE(verdict.delay_us, kSecond);
  EXPECT_FALSE(verdict.longer_deadline);
}

TEST(ReplicateEnd, HighDemandWaitsFifteenToSixtySeconds) {
  for (const double random : {0.0, 0.5, 0.999}) {
    PollContext context = watching();
    context.random = random;
    const int64_t delay_us = failed_with("high demand (E003)", context).delay_us;
    EXPECT_GE(delay_us, 15 * kSecond);
    EXPECT_LE(delay_us, 60 * kSecond);
  }
}

TEST(ReplicateEnd, AttemptsAreLimited) {
  PollContext context = watching();
  context.retries = 1;
  EXPECT_EQ(failed_with("(code: PA)", context).action, PollAction::try_again);
  context.retries = 2;
  EXPECT_EQ(failed_with("(code: PA)", context).action, PollAction::failed) << "two extra at most";
  context.max_attempts = 10;
  EXPECT_EQ(failed_with("(code: PA)", context).action, PollAction::failed) << "whatever the setting";
  context.retries = 0;
  context.max_attempts = 1;
  EXPECT_EQ(failed_with("(code: PA)", context).action, PollAction::failed) << "the setting";
  context.max_attempts = 2;
  EXPECT_EQ(failed_with("(code: PA)", context).action, PollAction::try_again);
  context.retries = 1;
  EXPECT_EQ(failed_with("(code: PA)", context).action, PollAction::failed);
}

TEST(ReplicateEnd, WhatMayPassIsTriedOnceMore) {
  for (const char* error : {"", "(E1000)", "(E001)", "(E8367)", "queue reached limit"}) {
    PollContext context = watching();
    EXPECT_EQ(failed_with(error, context).action, PollAction::try_again) << error;
    context.retries = 1;
    expect_end(failed_with(error, context), PollAction::failed, AttemptState::failed);
  }
  EXPECT_EQ(look(prediction("failed", R"(,"error":null)")).action, PollAction::try_again);
  EXPECT_EQ(look(prediction("failed")).action, PollAction::try_again);
}

TEST(ReplicateEnd, AnErrorThatIsNoTextIsFinal) {
  const PollVerdict verdict = look(prediction("failed", R"(,"error":{"code":"E003","message":"x"})"));
  expect_end(verdict, PollAction::failed, AttemptState::failed);
  EXPECT_NE(verdict.failure.admin_message.find("E003"), std::string::npos);
  EXPECT_EQ(verdict.failure.user_message.find("E003"), std::string::npos);
}

TEST(ReplicateEnd, LogsDecideNothing) {
  const PollVerdict verdict = look(prediction(
      "failed", R"j(,"error":"list index out of range","logs":"starting worker (E003) 500/1000 (code: PA)")j"));
  EXPECT_EQ(verdict.action, PollAction::failed);
}

TEST(ReplicateEnd, WhatWeStoppedOurselvesIsNotPaidForAgain) {
  PollContext context = overdue(2 * kMinute);
  context.cancel_sent = true;
  expect_end(failed_with("Prediction stopped in non-terminal state (E8367)", context), PollAction::failed,
             AttemptState::failed);
  context = watching();
  context.cancel_requested = true;
  expect_end(failed_with("Prediction stopped in non-terminal state (E8367)", context), PollAction::cancelled,
             AttemptState::failed);
}

TEST(ReplicateEnd, SecretsInAnErrorAreNotKept) {
  const PollVerdict verdict = failed_with("bad token r8_abcdefghijklmnopqrstuvwxyz0123456789abc at user:pw@host");
  EXPECT_EQ(verdict.failure.admin_message.find("r8_"), std::string::npos);
  EXPECT_LE(failed_with(std::string(1'000'000, 'x')).failure.admin_message.size(), 2000U);
}

// Canceled and aborted.

TEST(ReplicateEnd, CanceledAsTheUserAsked) {
  PollContext context = watching();
  context.cancel_requested = true;
  for (const auto& [status, attempt] : {std::pair("canceled", AttemptState::canceled),
                                        {"cancelled", AttemptState::canceled},
                                        {"aborted", AttemptState::aborted}})
    expect_end(look(prediction(status), context), PollAction::cancelled, attempt);
}

TEST(ReplicateEnd, CanceledByNobodyHere) {
  const PollVerdict verdict = look(prediction("canceled"));
  expect_end(verdict, PollAction::failed, AttemptState::canceled);
  EXPECT_EQ(verdict.failure.user_message, "The generation was stopped.");
}

TEST(ReplicateEnd, CanceledAtTheDeadline) {
  const PollContext context = overdue(5 * kSecond);
  const PollVerdict verdict = look(prediction("canceled"), context);
  expect_end(verdict, PollAction::failed, AttemptState::canceled);
  EXPECT_EQ(verdict.failure.category, ErrorCategory::timeout);
  EXPECT_NE(verdict.failure.user_message.find("too long"), std::string::npos);
  const std::string before = R"(,"completed_at":")" + rfc3339(context.deadline_us - 5 * kMinute) + '"';
  EXPECT_EQ(look(prediction("canceled", before), context).failure.user_message, "The generation was stopped.");
  PollContext cancelled = watching();
  cancelled.cancel_sent = true;
  EXPECT_EQ(look(prediction("canceled"), cancelled).failure.category, ErrorCategory::timeout);
}

TEST(ReplicateEnd, AbortedIsTriedOnceMoreWithMoreTime) {
  PollContext context = watching();
  PollVerdict verdict = look(prediction("aborted"), context);
  expect_end(verdict, PollAction::try_again, AttemptState::aborted);
  EXPECT_TRUE(verdict.longer_deadline);
  EXPECT_GT(verdict.delay_us, 0);
  context.retries = 1;
  expect_end(look(prediction("aborted"), context), PollAction::failed, AttemptState::aborted);
  context.retries = 0;
  context.max_attempts = 1;
  expect_end(look(prediction("aborted"), context), PollAction::failed, AttemptState::aborted);
}

}  // namespace
}  // namespace atelier::replicate
