// SPDX-License-Identifier: PostgreSQL
// atelier.attempts: what was sent to the provider and what became of it. Every change is fenced: it applies only to an
// attempt that is still open, and says so. Called by the dispatcher and the keeper inside a transaction, as owner.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/status.hpp"
#include "pg/datum.hpp"
#include "store/uuid.hpp"

namespace atelier::store::attempts {

// An open attempt with what the dispatcher needs of its generation; `generation_exists` is false when that was deleted.
struct OpenAttempt {
  int64_t attempt;
  core::Uuid generation;
  core::Uuid user;
  int16_t number;
  int32_t token;
  core::AttemptState state;
  bool cancel_requested;
  pg::Timestamp sent_at;
  pg::Timestamp deadline;
  std::string prediction_id;  // empty while unknown
  bool generation_exists;
  std::string model;
  std::string action;
  int32_t retries;  // predictions of the same series that were accepted before
  int16_t series;
  bool hidden;
  std::optional<core::Uuid> workspace;
};
std::vector<OpenAttempt> open_attempts();

// Those that should have been looked at before `overdue`: their deadline or lease is over, or they are unknown.
std::vector<OpenAttempt> neglected_attempts(pg::Timestamp overdue);

// The inputs that attempts were made with, as JSON text; those that nobody has kept are left out.
std::vector<std::pair<int64_t, std::string>> inputs_of(const std::vector<int64_t>& attempts);

// One step of an attempt. Empty optionals leave the column as it is.
struct Step {
  int64_t attempt;
  core::AttemptState state;
  std::optional<std::string> prediction_id;
  std::optional<int16_t> http_status;
  std::optional<std::string> error;
  std::optional<double> predict_time;
  std::optional<std::string> cost_usd = std::nullopt;
  std::optional<std::string> cost_rule = std::nullopt;
};
// An attempt that was open. What a disowned one brings is not for its generation.
struct Advanced {
  int64_t attempt;
  bool disowned;
};
// Applies the steps to attempts that are open; returns which ones were, in no order.
std::vector<Advanced> advance(const std::vector<Step>& steps, pg::Timestamp now);

// How far running attempts have come.
struct Progress {
  int64_t attempt;
  int16_t percent;
};
void note_progress(const std::vector<Progress>& progress);

// Gives an attempt another token before it is sent; in the transaction that claimed it.
void set_token(int64_t attempt, int32_t token);
// The same for its deadline.
void set_deadline(int64_t attempt, pg::Timestamp deadline);

// At the dispatcher's start: whatever was being sent has an unknown outcome now. Returns how many.
uint64_t orphan_all_sending();
// The same for attempts whose lease has ended; the keeper's.
uint64_t orphan_expired(pg::Timestamp now);

// Open attempts whose cancellation was asked for.
std::vector<int64_t> cancel_requests();

// Which of these prediction ids belong to an attempt that was sent at `since` or later, or to a generation that the app
// has sent itself.
std::vector<std::string> owned_predictions(const std::vector<std::string>& prediction_ids, pg::Timestamp since);

#ifdef ATELIER_FAULT_POINTS
// Opens what has been closed, so that a step applies to it: what fencing is there to prevent. For the mutation control.
void break_fences(const std::vector<int64_t>& attempts);
#endif

}  // namespace atelier::store::attempts
