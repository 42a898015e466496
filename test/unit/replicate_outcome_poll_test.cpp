// SPDX-License-Identifier: PostgreSQL
// The rows of the decision table about a prediction that has not ended: looks at it, and its cancelling.
#include <gtest/gtest.h>

#include <string>

#include "unit/replicate_watching.hpp"

namespace atelier::replicate {
namespace {

using core::AttemptState;

void expect_open(const PollVerdict& verdict, PollAction action) {
  EXPECT_EQ(verdict.action, action);
  EXPECT_EQ(core::name(verdict.attempt), "running");
}

// What is not finished.

TEST(ReplicatePoll, WhatRunsIsLookedAtAgain) {
  for (const char* status : {"starting", "processing", "queued", ""}) {
    const PollVerdict verdict = look(prediction(status));
    expect_open(verdict, PollAction::look_again);
    EXPECT_EQ(verdict.delay_us, 5 * kSecond);
    EXPECT_TRUE(verdict.failure.admin_message.empty());
    ASSERT_TRUE(verdict.prediction);
    EXPECT_EQ(verdict.prediction->id, "p1");
  }
}

TEST(ReplicatePoll, TheIntervalsGrowMoreForVideos) {
  PollContext context = watching();
  context.now_us = context.sent_at_us + 10 * kMinute;
  EXPECT_EQ(look(prediction("processing"), context).delay_us, 10 * kSecond);
  context.video = true;
  EXPECT_EQ(look(prediction("processing"), context).delay_us, 30 * kSecond);
  context.now_us = context.sent_at_us;
  context.poll_interval_us = kSecond / 10;
  EXPECT_EQ(look(prediction("processing"), context).delay_us, kSecond / 10);
}

TEST(ReplicatePoll, AnOutputBeforeTheEndIsNotTaken) {
  expect_open(look(prediction("processing", R"(,"output":["https://a/x"])")), PollAction::look_again);
}

TEST(ReplicatePoll, TheAnswerToAnotherQuestionIsNone) {
  PollContext context = watching();
  context.prediction_id = "p2";
  for (const char* status : {"succeeded", "failed", "processing"}) {
    const PollVerdict verdict = look(prediction(status, R"x(,"output":["https://a/x"],"error":"(E005)")x"), context);
    expect_open(verdict, PollAction::look_again);
    EXPECT_FALSE(verdict.prediction);
    EXPECT_FALSE(verdict.failure.admin_message.empty());
  }
  expect_open(judge_cancel(answered(200, prediction("canceled")), context), PollAction::look_again);
  context.prediction_id = "p1";
  EXPECT_EQ(look(prediction("succeeded", R"(,"output":["https://a/x"])"), context).action, PollAction::completed);
}

TEST(ReplicatePoll, TheProviderHasAMinuteMoreThanTheDeadline) {
  for (const char* status : {"starting", "processing", "queued"}) {
    expect_open(look(prediction(status), overdue(59 * kSecond)), PollAction::look_again);
    expect_open(look(prediction(status), overdue(kMinute)), PollAction::cancel);
  }
}

TEST(ReplicatePoll, AfterTheCancellingItEndsOrIsGivenUp) {
  for (const char* status : {"processing", "queued"}) {
    PollContext context = overdue(kMinute + kSecond);
    context.cancel_sent = true;
    expect_open(look(prediction(status), context), PollAction::look_again);
    context.now_us += 30 * kSecond;
    const PollVerdict verdict = look(prediction(status), context);
    expect_end(verdict, PollAction::failed, AttemptState::lost);
    EXPECT_EQ(verdict.failure.category, ErrorCategory::timeout);
  }
}

TEST(ReplicatePoll, ASuccessAfterTheDeadlineIsASuccess) {
  PollContext context = overdue(10 * kMinute);
  context.cancel_sent = true;
  expect_end(look(prediction("succeeded", R"(,"output":"https://a/x")"), context), PollAction::completed,
             AttemptState::succeeded);
}

// What says nothing about the prediction.

TEST(ReplicatePoll, AFailedLookNeverFailsTheGeneration) {
  for (const Answer& answer : {unanswered(Delivery::not_sent), unanswered(Delivery::maybe_sent), html(500), html(502),
                               answered(503), html(504), html(520), answered(408), answered(400), answered(405),
                               answered(302), answered(200), answered(200, "{}"), html(200),
                               answered(200, R"({"status":"succeeded"})"), answered(200, "{\"id\":\"p1\",\"sta")}) {
    for (const int failed_looks : {0, 3, 50}) {
      PollContext context = watching();
      context.failed_looks = failed_looks;
      const PollVerdict verdict = judge_poll(answer, context);
      expect_open(verdict, PollAction::look_again);
      EXPECT_GE(verdict.delay_us, kSecond);
      EXPECT_LE(verdict.delay_us, 62 * kSecond);
      EXPECT_FALSE(verdict.failure.admin_message.empty());
      EXPECT_FALSE(verdict.prediction);
    }
  }
}

TEST(ReplicatePoll, TheDelayOfFailedLooksGrows) {
  PollContext context = watching();
  const int64_t first_us = judge_poll(html(500), context).delay_us;
  context.failed_looks = 5;
  EXPECT_GT(judge_poll(html(500), context).delay_us, first_us);
}

TEST(ReplicatePoll, AFailedLookHonoursWhatTheProviderAsks) {
  Answer answer = answered(503);
  answer.retry_after = "45";
  EXPECT_EQ(judge_poll(answer, watching()).delay_us, 45 * kSecond);
}

TEST(ReplicatePoll, AfterTheDeadlineAFailedLookLeadsToACancel) {
  expect_open(judge_poll(html(500), overdue(kMinute)), PollAction::cancel);
  expect_open(judge_poll(unanswered(Delivery::not_sent), overdue(kMinute)), PollAction::cancel);
  PollContext context = overdue(5 * kMinute);
  context.cancel_sent = true;
  expect_open(judge_poll(html(500), context), PollAction::look_again);
  expect_open(judge_poll(unanswered(Delivery::not_sent), context), PollAction::look_again);
}

TEST(ReplicatePoll, WhenTheResultMustBeGoneItIsGivenUp) {
  for (const Answer& answer :
       {html(500), unanswered(Delivery::not_sent), answered(429), answered(404), answered(200)}) {
    for (const bool cancel_sent : {false, true}) {
      PollContext context = overdue(60 * kMinute);
      context.cancel_sent = cancel_sent;
      expect_end(judge_poll(answer, context), PollAction::failed, AttemptState::lost);
    }
  }
}

TEST(ReplicatePoll, ThrottlingHoldsTheAccountsLooks) {
  Answer answer = answered(429, R"({"detail":"Request was throttled. Your rate limit resets in ~7s."})");
  const PollVerdict verdict = judge_poll(answer, watching());
  expect_open(verdict, PollAction::throttle);
  EXPECT_GE(verdict.until_us, kNow + 7 * kSecond);
  EXPECT_LE(verdict.until_us, kNow + 8 * kSecond);
  EXPECT_EQ(verdict.failure.category, ErrorCategory::rate_limit);
}

TEST(ReplicatePoll, ATokenThatIsNotAcceptedGivesWayToAnother) {
  for (const int status : {401, 402, 403}) {
    const PollVerdict verdict = judge_poll(answered(status), watching());
    expect_open(verdict, PollAction::other_token);
    EXPECT_GE(verdict.delay_us, kSecond);
    EXPECT_EQ(verdict.failure.category, ErrorCategory::auth);
    expect_end(judge_poll(answered(status), overdue(kMinute)), PollAction::failed, AttemptState::lost);
  }
}

TEST(ReplicatePoll, TokensThatAreAllRefusedAreNotTriedWithoutAPause) {
  int paused = 0;
  for (int failed_looks = 0; failed_looks < 100; ++failed_looks) {
    PollContext context = watching();
    context.failed_looks = failed_looks;
    if (judge_poll(answered(401), context).action == PollAction::look_again) ++paused;
  }
  EXPECT_GE(paused, 40);
  PollContext context = watching();
  for (context.failed_looks = 0; context.failed_looks < 3; ++context.failed_looks)
    EXPECT_EQ(judge_poll(answered(401), context).action, PollAction::other_token);
  EXPECT_EQ(judge_poll(answered(401), context).action, PollAction::look_again);
}

TEST(ReplicatePoll, WhatIsNotFoundMayAppear) {
  const Answer answer = answered(404, R"({"detail":"The requested resource could not be found.","status":404})");
  PollContext context = watching();
  for (const int failed_looks : {0, 4, 20}) {
    context.failed_looks = failed_looks;
    expect_open(judge_poll(answer, context), PollAction::look_again);
  }
  context.watched_since_us = context.now_us - kMinute + 1;
  expect_open(judge_poll(answer, context), PollAction::look_again);
  context.watched_since_us = context.now_us - kMinute;
  const PollVerdict verdict = judge_poll(answer, context);
  expect_end(verdict, PollAction::failed, AttemptState::lost);
  EXPECT_EQ(verdict.failure.category, ErrorCategory::model_unavailable);
}

TEST(ReplicatePoll, ASingleNotFoundAfterManyLooksIsAnError) {
  PollContext context = watching();
  context.watched_since_us = context.now_us - 5 * kMinute;
  context.failed_looks = 0;
  expect_open(judge_poll(answered(404), context), PollAction::look_again);
}

// The answer to a cancel.

TEST(ReplicateCancel, APredictionIsJudgedLikeALook) {
  PollContext context = watching();
  context.cancel_requested = true;
  expect_end(judge_cancel(answered(200, prediction("canceled")), context), PollAction::cancelled,
             AttemptState::canceled);
  expect_end(judge_cancel(answered(200, prediction("succeeded", R"(,"output":"https://a/x")")), context),
             PollAction::completed, AttemptState::succeeded);
  expect_open(judge_cancel(answered(200, prediction("processing")), context), PollAction::look_again);
}

TEST(ReplicateCancel, AtLeastOneLookFollowsWhatStillRuns) {
  PollContext context = overdue(30 * kMinute);
  context.cancel_sent = true;
  const PollVerdict verdict = judge_cancel(answered(200, prediction("processing")), context);
  expect_open(verdict, PollAction::look_again);
  EXPECT_EQ(verdict.delay_us, kSecond);
  expect_end(look(prediction("processing"), context), PollAction::failed, AttemptState::lost);
}

TEST(ReplicateCancel, EverythingElseLeadsToALookAtOnce) {
  for (const Answer& answer : {answered(404), answered(409), answered(401), answered(429), html(502), answered(200),
                               answered(204), unanswered(Delivery::not_sent), unanswered(Delivery::maybe_sent)}) {
    const PollVerdict verdict = judge_cancel(answer, watching());
    expect_open(verdict, PollAction::look_again);
    EXPECT_EQ(verdict.delay_us, 0);
    EXPECT_FALSE(verdict.failure.admin_message.empty());
  }
}

}  // namespace
}  // namespace atelier::replicate
