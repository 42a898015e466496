// SPDX-License-Identifier: PostgreSQL
// The decision table: what to do with each answer of the provider. The dispatcher calls it with every finished transfer
// and carries out what it says; it decides nothing about answers itself. Pure: time, randomness and history are
// arguments. Times are microseconds since the Unix epoch, delays microseconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/status.hpp"
#include "replicate/failure.hpp"
#include "replicate/output.hpp"
#include "replicate/response.hpp"

namespace atelier::replicate {

// What a failure is called, by whom.
struct Failure {
  std::string user_message;   // for error_message and notifications
  std::string admin_message;  // raw, without secrets, at most 2,000 bytes; for attempts.error and api_logs
  ErrorCategory category = ErrorCategory::unknown;
};

// The answer to a creating request.

enum class CreateAction {
  accepted,  // `prediction` exists: attempt running
  unknown,   // may exist: attempt unknown, search the list with the same token; no other request before that
  requeue,   // nothing arrived: attempt refused, again after `delay_us`; neither token nor generation is to blame
  throttle,  // attempt refused; cool the account until `until_us`, with `low_credit` limit it; again at once elsewhere
  confirm_token,      // attempt refused, again at once with another token; ask GET /account whether this one is valid
  cannot_pay,         // attempt refused; cool the account until `until_us`, alert; again at once elsewhere
  try_other_account,  // attempt refused; once more with a token of another account; without one: fail with `failure`
  resolve_version,    // attempt refused; look up the latest version, then once more by version
  fail,               // attempt refused, generation failed
};

struct CreateContext {
  int64_t now_us = 0;
  double random = 0;                   // in [0, 1)
  int tries = 0;                       // how often in a row this generation could not be sent
  bool named_without_version = false;  // the request named owner/name only, and no version was looked up yet
  bool other_account_tried = false;
};

struct CreateVerdict {
  CreateAction action = CreateAction::unknown;
  std::optional<Prediction> prediction;
  int64_t delay_us = 0;     // requeue; for unknown: how long a repetition must wait at least, as the provider asked
  int64_t until_us = 0;     // throttle, cannot_pay
  bool low_credit = false;  // throttle: six requests a minute, one at a time
  Failure failure;          // every action but accepted
};

CreateVerdict judge_create(const Answer& answer, const CreateContext& context);

// The answer to a look at a prediction (GET), or a webhook's hint that led to one.

enum class PollAction {
  look_again,   // after `delay_us`
  throttle,     // no requests with this account before `until_us`; then look again
  other_token,  // this token is not accepted: look again with another one of the same account, without one after
                // `delay_us`
  cancel,       // our deadline has passed: POST cancel, then look again with `cancel_sent`
  completed,    // attempt ended as `attempt`, generation completed with `output`
  try_again,    // attempt ended, generation back to the queue after `delay_us`, retries + 1
  failed,       // attempt ended, generation failed
  cancelled,    // attempt ended, generation cancelled, as its user asked
};

struct PollContext {
  std::string_view prediction_id;  // the one that is asked about; empty: whichever is answered
  int64_t now_us = 0;
  double random = 0;
  int64_t sent_at_us = 0;
  int64_t deadline_us = 0;  // when Cancel-After ends it
  int64_t poll_interval_us = 1'000'000;
  int64_t watched_since_us = 0;   // when the first look was due
  int failed_looks = 0;           // unanswered or refused ones in a row
  int retries = 0;                // predictions that were accepted for it before
  int max_attempts = 3;           // paid predictions per generation
  bool video = false;             // a video_* action
  bool cancel_requested = false;  // by the user
  bool cancel_sent = false;       // by us, because of the deadline
  // Patience: with the provider, which ends a prediction at its deadline by itself; with a prediction that we have
  // cancelled; with one that is not found, right after its creation or by mistake.
  int64_t grace_us = 60'000'000;
  int64_t cancel_grace_us = 30'000'000;
  int64_t missing_us = 60'000'000;
  OutputRules output;
};

struct PollVerdict {
  PollAction action = PollAction::look_again;
  int64_t delay_us = 0;
  int64_t until_us = 0;
  core::AttemptState attempt = core::AttemptState::running;  // the state after this verdict
  std::optional<Prediction> prediction;                      // whenever one was read
  Output output;                                             // completed
  bool longer_deadline = false;                              // try_again: the last one never started
  Failure failure;                                           // all but completed; also for looks that failed
};

PollVerdict judge_poll(const Answer& answer, const PollContext& context);
// The same for a prediction that has been read already, such as one that was accepted and had ended at once.
PollVerdict judge_prediction(Prediction prediction, const PollContext& context);

// The answer to POST cancel. A 2xx with a prediction is judged like a look; anything else leads to a look at once.
PollVerdict judge_cancel(const Answer& answer, const PollContext& context);

// The answer to a page of the list, in search of a lost creation.

enum class ListAction {
  page,         // `page` is to be searched with find_match()
  repeat,       // the same request again after `delay_us`
  throttle,     // no requests with this account before `until_us`; then again
  other_token,  // again with another token of the same account, without one after `delay_us`
};

struct ListVerdict {
  ListAction action = ListAction::repeat;
  std::optional<Page> page;
  int64_t delay_us = 0;
  int64_t until_us = 0;
  Failure failure;  // all but page
};

ListVerdict judge_list(const Answer& answer, int64_t now_us, double random, int failed_looks);

// The answer to GET /account, when a token was refused or its account is not known yet.

enum class TokenAction {
  valid,       // belongs to `account`
  deactivate,  // confirmed: not a valid token
  unclear,     // ask again later
};

struct TokenVerdict {
  TokenAction action = TokenAction::unclear;
  std::string account;
};

TokenVerdict judge_account(const Answer& answer);

// The answer to GET /models/..., for a community model.

struct ModelVerdict {
  std::optional<std::string> version;  // found: send again by version
  bool repeat = false;                 // nothing was said: ask again after `delay_us`
  int64_t delay_us = 0;
  Failure failure;  // neither of both: generation failed
};

ModelVerdict judge_model(const Answer& answer, int64_t now_us, double random, int tries);

}  // namespace atelier::replicate
