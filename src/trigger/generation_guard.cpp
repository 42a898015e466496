// SPDX-License-Identifier: PostgreSQL
// guard_generation(): BEFORE INSERT OR UPDATE on generations. Sizes and forms for everybody, rights for ordinary users,
// and what an inserted row needs before it can be queued. What an UPDATE of the status means is the status trigger's
// matter, which fires after this one.
#include "pg/entry.hpp"
#include "trigger/film.hpp"
#include "trigger/generation.hpp"
#include "trigger/generation_limits.hpp"
#include "trigger/generation_rights.hpp"
#include "trigger/hand_over.hpp"
#include "trigger/model_list.hpp"
#include "trigger/queue_limit.hpp"

using namespace atelier;
using namespace atelier::trigger;
using core::GenerationStatus;
namespace column = generation::column;

namespace {

// A row may be born further on, such as the visible parent of a film. Times that were sent stay.
void complete_times(pg::TriggerCall& call, GenerationStatus status) {
  if (!call.new_is_null(column::kStartedAt) || !call.new_is_null(column::kCompletedAt)) return;
  generation::set_times(call,
                        core::change_status(GenerationStatus::pending, status, {}, pg::transaction_start().us).times);
}

void hand_over(pg::TriggerCall& call) {
  if (!call.new_is_null(column::kReplicatePredictionId))
    pg::fail(pg::Code::invalid_parameter_value, "a generation that has a prediction already cannot be queued", {},
             "Insert it with the status of its prediction.");
  // A film is not sent itself; its parts are looked at when all rows of the statement are there.
  if (generation::is_film(call)) return;
  generation::require_listed_model(call);
  if (const generation::Refusal refusal = generation::prepare_hand_over(call))
    pg::fail(pg::Code::invalid_parameter_value, refusal.message, {}, refusal.hint);
}

void guard_insert(pg::TriggerCall& call) {
  generation::check_limits(call);
  const bool restricted = call.caller_is_restricted();
  if (restricted) generation::restrict_insert(call);
  call.fill_missing();
  generation::normalise(call);
  const auto status = generation::new_status(call);
  if (status == GenerationStatus::queued) {
    hand_over(call);
  } else if (status && status != GenerationStatus::pending) {
    complete_times(call, *status);
  }
  if (restricted) generation::take_place(call);
}

}  // namespace

ATELIER_FUNCTION(guard_generation) {
  pg::TriggerCall call(fcinfo, generation::kTable, pg::TriggerTime::before_row);
  if (call.event() == pg::TriggerEvent::insert) {
    guard_insert(call);
  } else if (call.event() == pg::TriggerEvent::update) {
    generation::check_limits(call);
    if (call.caller_is_restricted()) generation::restrict_update(call);
  }
  generation::mark_changed(call);
  return call.result();
}
