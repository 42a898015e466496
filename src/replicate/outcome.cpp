// SPDX-License-Identifier: PostgreSQL
// Everything but the looks at a prediction, which are in outcome_poll.cpp.
#include "replicate/outcome.hpp"

#include <utility>

#include "core/retry.hpp"
#include "core/text.hpp"
#include "replicate/outcome_parts.hpp"
#include "replicate/wait.hpp"

namespace atelier::replicate {
namespace {

namespace text = core::text;
using core::kMinuteUs;

constexpr const char* kNotSent = "The generation could not be sent yet. It will be sent again.";
constexpr const char* kAnswerLost = "It is not known yet whether the generation has started.";
constexpr const char* kNotStarted = "The generation could not be started. Please try again later.";
constexpr const char* kModelUnavailable = "The model of this generation is not available.";
constexpr const char* kTooLarge = "The input is too large for this model. Please try a smaller one.";

constexpr int64_t kLeastUnpaidUs = 10 * kMinuteUs;
constexpr int64_t kMostUnpaidUs = 30 * kMinuteUs;

// After these the prediction may exist, so another request might pay for it twice.
bool may_have_created(int status) noexcept {
  return status < 400 || status >= 500 || status == 408 || status == 409 || status == 425;
}

bool mentions(const Problem& problem, std::string_view words) {
  return text::contains_ignoring_case(problem.text, words);
}

bool is_low_credit(const Problem& problem) {
  return mentions(problem, "less than $") || mentions(problem, "6 requests per minute");
}

bool is_invalid_version(const Problem& problem) {
  return problem.invalid_fields.empty() &&
         (mentions(problem, "invalid version") || mentions(problem, "version does not exist"));
}

CreateVerdict with(CreateVerdict verdict, CreateAction action, const char* user_message) {
  verdict.action = action;
  verdict.failure.user_message = user_message;
  return verdict;
}

// A 4xx that leaves no doubt: nothing was created.
CreateVerdict judge_refusal(const Answer& answer, const Problem& problem, const CreateContext& context,
                            CreateVerdict verdict) {
  const CreateAction elsewhere = context.other_account_tried ? CreateAction::fail : CreateAction::try_other_account;
  switch (answer.status) {
    case 401:
      return with(std::move(verdict), CreateAction::confirm_token, kNotSent);
    case 402:
      verdict.until_us =
          context.now_us + kLeastUnpaidUs + parts::share_of(kMostUnpaidUs - kLeastUnpaidUs, context.random);
      return with(std::move(verdict), CreateAction::cannot_pay, kNotSent);
    case 403:
      return with(std::move(verdict), elsewhere, kModelUnavailable);
    case 404:
      return with(std::move(verdict),
                  context.named_without_version ? CreateAction::resolve_version : CreateAction::fail,
                  kModelUnavailable);
    case 413:
      return with(std::move(verdict), CreateAction::fail, kTooLarge);
    case 422:
      if (!is_invalid_version(problem)) {
        return with(std::move(verdict), CreateAction::fail, invalid_input_message(problem).c_str());
      }
      verdict.failure.category = ErrorCategory::model_unavailable;
      return with(std::move(verdict), elsewhere, kModelUnavailable);
    case 429:
      verdict.until_us = parts::throttled_until_us(answer, problem, context.now_us, context.random, context.tries);
      verdict.low_credit = is_low_credit(problem);
      return with(std::move(verdict), CreateAction::throttle, kNotSent);
    default:
      return with(std::move(verdict), CreateAction::fail, kNotStarted);
  }
}

}  // namespace

CreateVerdict judge_create(const Answer& answer, const CreateContext& context) {
  CreateVerdict verdict;
  if (is_success(answer)) {
    verdict.prediction = parse_prediction(answer.body);
    if (verdict.prediction) {
      verdict.action = CreateAction::accepted;
      return verdict;
    }
    verdict.failure = {kAnswerLost, parts::describe(answer, {}), ErrorCategory::unknown};
    return verdict;
  }
  const Problem problem = answer.delivery == Delivery::delivered ? parse_problem(answer.body) : Problem();
  verdict.failure = {{}, parts::describe(answer, problem), parts::category_of(answer)};
  if (answer.delivery == Delivery::not_sent) {
    verdict.delay_us = core::backoff_us(context.tries, context.random);
    return with(std::move(verdict), CreateAction::requeue, kNotSent);
  }
  if (answer.delivery == Delivery::maybe_sent || may_have_created(answer.status)) {
    verdict.delay_us = requested_wait_us(answer, problem, context.now_us).value_or(0);
    return with(std::move(verdict), CreateAction::unknown, kAnswerLost);
  }
  return judge_refusal(answer, problem, context, std::move(verdict));
}

ListVerdict judge_list(const Answer& answer, int64_t now_us, double random, int failed_looks) {
  ListVerdict verdict;
  if (is_success(answer)) {
    verdict.page = parse_page(answer.body);
    if (verdict.page) {
      verdict.action = ListAction::page;
      return verdict;
    }
  }
  const Problem problem = answer.delivery == Delivery::delivered ? parse_problem(answer.body) : Problem();
  verdict.failure = {kAnswerLost, parts::describe(answer, problem), parts::category_of(answer)};
  verdict.delay_us = parts::repeat_delay_us(answer, problem, now_us, random, failed_looks);
  if (answer.delivery != Delivery::delivered) return verdict;
  if (answer.status == 429) {
    verdict.action = ListAction::throttle;
    verdict.until_us = parts::throttled_until_us(answer, problem, now_us, random, failed_looks);
  } else if (answer.status == 401 || answer.status == 402 || answer.status == 403) {
    verdict.action = ListAction::other_token;
  }
  return verdict;
}

TokenVerdict judge_account(const Answer& answer) {
  if (is_success(answer)) {
    if (auto account = parse_account(answer.body)) return {TokenAction::valid, std::move(*account)};
    return {};
  }
  const bool refused = answer.delivery == Delivery::delivered && answer.status == 401;
  return {refused ? TokenAction::deactivate : TokenAction::unclear, {}};
}

ModelVerdict judge_model(const Answer& answer, int64_t now_us, double random, int tries) {
  ModelVerdict verdict;
  const bool success = is_success(answer);
  if (success) verdict.version = parse_latest_version(answer.body);
  if (verdict.version) return verdict;

  const Problem problem = answer.delivery == Delivery::delivered ? parse_problem(answer.body) : Problem();
  verdict.failure = {kModelUnavailable, parts::describe(answer, problem), ErrorCategory::model_unavailable};
  if (success && parts::is_json_object(answer.body)) {
    verdict.failure.admin_message = "the model has no version";
    return verdict;
  }
  // That token or that moment was the wrong one; only these answers are about the model.
  const bool about_model = answer.delivery == Delivery::delivered && answer.status >= 400 && answer.status < 500 &&
                           answer.status != 401 && answer.status != 402 && answer.status != 408 &&
                           answer.status != 409 && answer.status != 425 && answer.status != 429;
  if (about_model) return verdict;
  verdict.repeat = true;
  verdict.delay_us = parts::repeat_delay_us(answer, problem, now_us, random, tries);
  verdict.failure.category = parts::category_of(answer);
  return verdict;
}

}  // namespace atelier::replicate
