// SPDX-License-Identifier: PostgreSQL
// The looks at a prediction and its cancelling.
#include <algorithm>
#include <utility>

#include "core/retry.hpp"
#include "replicate/outcome.hpp"
#include "replicate/outcome_parts.hpp"

namespace atelier::replicate {
namespace {

using core::AttemptState;
using core::kMinuteUs;
using core::kSecondUs;

constexpr const char* kNotSeen = "The state of the generation is not known at the moment.";
constexpr const char* kUnreachable = "The result of this generation cannot be read any more.";
constexpr const char* kTimedOut = "The generation took too long and was stopped.";
constexpr const char* kStopped = "The generation was stopped.";
constexpr const char* kNotStarted = "The generation could not be started in time. Please try again later.";
constexpr const char* kExpired = "The result of this generation has expired.";
constexpr const char* kNoResult = "The model returned no result.";
constexpr const char* kNoText = "The model returned no text.";
constexpr const char* kCancelled = "The generation was cancelled.";

// So long after its end the provider has deleted the result.
constexpr int64_t kRetentionUs = 60 * kMinuteUs;
constexpr int kMissingLooks = 4;
// So many other tokens in a row are tried at once, later ones with a pause.
constexpr int kQuickTokens = 3;

enum class Question { look, cancel };

PollVerdict look_again(int64_t delay_us) {
  PollVerdict verdict;
  verdict.delay_us = delay_us;
  return verdict;
}

PollVerdict ended(PollAction action, AttemptState attempt, Failure failure) {
  PollVerdict verdict;
  verdict.action = action;
  verdict.attempt = attempt;
  verdict.failure = std::move(failure);
  return verdict;
}

PollVerdict cancelled(AttemptState attempt) {
  return ended(PollAction::cancelled, attempt, {kCancelled, "cancelled at the user's request", ErrorCategory::unknown});
}

PollVerdict cancel_for_deadline() {
  PollVerdict verdict;
  verdict.action = PollAction::cancel;
  verdict.failure = {kTimedOut, "not ended at its deadline", ErrorCategory::timeout};
  return verdict;
}

int64_t poll_delay(const PollContext& context) {
  return core::poll_delay_us(context.now_us - context.sent_at_us, context.video, context.poll_interval_us,
                             context.random);
}

bool is_overdue(const PollContext& context) { return context.now_us >= context.deadline_us + context.grace_us; }

// Whether the cancelling had its time, so that what still has not ended is given up.
bool is_given_up(const PollContext& context) {
  return context.cancel_sent && context.now_us >= context.deadline_us + context.grace_us + context.cancel_grace_us;
}

PollVerdict judge_waiting(const Prediction& prediction, const PollContext& context, Question question) {
  // The answer to a cancelling may be older than its effect: at least one look follows.
  if (question == Question::cancel) {
    return look_again(core::poll_delay_us(0, context.video, context.poll_interval_us, context.random));
  }
  if (!is_overdue(context)) return look_again(poll_delay(context));
  if (!context.cancel_sent) return cancel_for_deadline();
  if (!is_given_up(context)) return look_again(poll_delay(context));
  return ended(
      PollAction::failed, AttemptState::lost,
      {kTimedOut, parts::admin_text("still \"" + prediction.status_text + "\" after its deadline and a cancel"),
       ErrorCategory::timeout});
}

PollVerdict judge_succeeded(const Prediction& prediction, const PollContext& context) {
  PollVerdict verdict;
  verdict.attempt = AttemptState::succeeded;
  verdict.output = read_output(prediction.output, context.output);
  if (!verdict.output.empty()) {
    verdict.action = PollAction::completed;
    return verdict;
  }
  verdict.action = PollAction::failed;
  const bool none = !prediction.output.exists() || prediction.output.is_null();
  if (prediction.data_removed && none) {
    verdict.failure = {kExpired, "the provider has deleted the output", ErrorCategory::storage};
  } else {
    verdict.failure = {context.output.text ? kNoText : kNoResult, "succeeded without usable output",
                       ErrorCategory::unknown};
  }
  return verdict;
}

bool may_pay_again(const PollContext& context, int extra_attempts) {
  return context.retries < extra_attempts && context.retries + 1 < context.max_attempts && !context.cancel_sent;
}

PollVerdict judge_failed(const Prediction& prediction, const PollContext& context) {
  if (context.cancel_requested) return cancelled(AttemptState::failed);
  const FailureClass what = classify_failure(prediction.error);
  Failure failure{user_message(prediction.error),
                  parts::admin_text(prediction.error.empty() ? "failed without an error" : prediction.error),
                  what.category};
  if (!may_pay_again(context, what.extra_attempts)) {
    return ended(PollAction::failed, AttemptState::failed, std::move(failure));
  }
  PollVerdict verdict = ended(PollAction::try_again, AttemptState::failed, std::move(failure));
  const int64_t cap_us = std::max(what.delay_us, core::kMinuteUs - what.delay_us);
  verdict.delay_us = what.delay_us + core::backoff_us(context.retries, context.random, {what.delay_us, cap_us});
  return verdict;
}

PollVerdict judge_canceled(const Prediction& prediction, const PollContext& context) {
  if (context.cancel_requested) return cancelled(AttemptState::canceled);
  // The provider's clock is not ours.
  const int64_t ended_us = prediction.completed_at_us.value_or(context.now_us);
  const bool deadline = context.cancel_sent || ended_us >= context.deadline_us - kSecondUs;
  if (deadline) {
    return ended(PollAction::failed, AttemptState::canceled,
                 {kTimedOut, "canceled by the provider at its deadline", ErrorCategory::timeout});
  }
  return ended(PollAction::failed, AttemptState::canceled,
               {kStopped, "canceled at the provider, not by us", ErrorCategory::unknown});
}

PollVerdict judge_aborted(const PollContext& context) {
  if (context.cancel_requested) return cancelled(AttemptState::aborted);
  Failure failure{kNotStarted, "aborted before it started", ErrorCategory::timeout};
  // It was never run and never billed, so a cancel of ours does not speak against another one.
  const bool again = context.retries == 0 && context.max_attempts > 1;
  if (!again) return ended(PollAction::failed, AttemptState::aborted, std::move(failure));
  PollVerdict verdict = ended(PollAction::try_again, AttemptState::aborted, std::move(failure));
  verdict.delay_us = kSecondUs + parts::share_of(kSecondUs, context.random);
  verdict.longer_deadline = true;
  return verdict;
}

PollVerdict judge_status(const Prediction& prediction, const PollContext& context, Question question) {
  switch (prediction.status) {
    case PredictionStatus::succeeded:
      return judge_succeeded(prediction, context);
    case PredictionStatus::failed:
      return judge_failed(prediction, context);
    case PredictionStatus::canceled:
      return judge_canceled(prediction, context);
    case PredictionStatus::aborted:
      return judge_aborted(context);
    case PredictionStatus::starting:
    case PredictionStatus::processing:
    case PredictionStatus::unknown:
      break;
  }
  return judge_waiting(prediction, context, question);
}

PollVerdict lost(Failure failure) {
  failure.user_message = kUnreachable;
  return ended(PollAction::failed, AttemptState::lost, std::move(failure));
}

// An answer that shows no prediction. It says nothing about the prediction, so it fails a generation only when nothing
// better can come.
PollVerdict judge_failed_look(const Answer& answer, const PollContext& context) {
  const bool delivered = answer.delivery == Delivery::delivered;
  const Problem problem = delivered ? parse_problem(answer.body) : Problem();
  Failure failure{kNotSeen, parts::describe(answer, problem), parts::category_of(answer)};
  if (context.now_us >= context.deadline_us + kRetentionUs) return lost(std::move(failure));

  const int status = delivered ? answer.status : 0;
  PollVerdict verdict;
  verdict.failure = failure;
  verdict.delay_us = std::max(poll_delay(context), parts::repeat_delay_us(answer, problem, context.now_us,
                                                                          context.random, context.failed_looks));
  if (status == 429) {
    verdict.action = PollAction::throttle;
    verdict.until_us = parts::throttled_until_us(answer, problem, context.now_us, context.random, context.failed_looks);
    return verdict;
  }
  if (status == 401 || status == 402 || status == 403) {
    if (is_overdue(context)) return lost(std::move(failure));
    const bool quick = context.failed_looks < kQuickTokens || context.failed_looks % 2 == 0;
    verdict.action = quick ? PollAction::other_token : PollAction::look_again;
    return verdict;
  }
  if (status == 404) {
    const bool long_enough = context.now_us - context.watched_since_us >= context.missing_us;
    if (long_enough && context.failed_looks >= kMissingLooks) return lost(std::move(failure));
    return verdict;
  }
  if (is_overdue(context) && !context.cancel_sent) {
    verdict.action = PollAction::cancel;
    return verdict;
  }
  if (is_success(answer) && is_given_up(context)) return lost(std::move(failure));
  return verdict;
}

PollVerdict judge_read(Prediction prediction, const PollContext& context, Question question) {
  PollVerdict verdict = judge_status(prediction, context, question);
  verdict.prediction = std::move(prediction);
  return verdict;
}

PollVerdict judge(const Answer& answer, const PollContext& context, Question question) {
  if (is_success(answer)) {
    auto prediction = parse_prediction(answer.body);
    // What is between us and the provider may mix up answers on a connection that it keeps.
    const bool asked_for = prediction && (context.prediction_id.empty() || prediction->id == context.prediction_id);
    if (asked_for) return judge_read(std::move(*prediction), context, question);
  }
  if (question == Question::look) return judge_failed_look(answer, context);
  PollVerdict verdict = look_again(0);
  verdict.failure = {
      kNotSeen,
      parts::describe(answer, answer.delivery == Delivery::delivered ? parse_problem(answer.body) : Problem()),
      parts::category_of(answer)};
  return verdict;
}

}  // namespace

PollVerdict judge_poll(const Answer& answer, const PollContext& context) {
  return judge(answer, context, Question::look);
}

PollVerdict judge_prediction(Prediction prediction, const PollContext& context) {
  return judge_read(std::move(prediction), context, Question::look);
}

PollVerdict judge_cancel(const Answer& answer, const PollContext& context) {
  return judge(answer, context, Question::cancel);
}

}  // namespace atelier::replicate
