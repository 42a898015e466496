// SPDX-License-Identifier: PostgreSQL
// update_generation_status(): BEFORE UPDATE on generations, after the guard. Decides what a new status means: a
// hand-over, a late one that changes nothing, a retry, a request to cancel, the app's last word. It alone owns
// started_at, completed_at and processing_time_ms. The worker closes an attempt before it writes the end of a
// generation, so its own writes meet no open attempt here.
#include <string>

#include "pg/entry.hpp"
#include "pg/shmem.hpp"
#include "store/queue.hpp"
#include "store/uuid.hpp"
#include "store/wish.hpp"
#include "trigger/film.hpp"
#include "trigger/generation.hpp"
#include "trigger/hand_over.hpp"
#include "trigger/model_list.hpp"
#include "trigger/queue_limit.hpp"

using namespace atelier;
using namespace atelier::trigger;
using core::GenerationStatus;
using store::wish::Wish;
namespace column = generation::column;

namespace {

core::Uuid id_of(const pg::TriggerCall& call) { return call.old_required<core::Uuid>(column::kId); }

// A statement that was meant for something else goes on without it; who asked for a retry hears of it.
void refuse_queueing(const pg::TriggerCall& call, GenerationStatus from, const std::string& why,
                     const std::string& hint = {}) {
  if (store::wish::current() == Wish::retry)
    pg::fail(pg::Code::object_not_in_prerequisite_state, "generation cannot be tried again: " + why, {}, hint);
  pg::report(pg::Level::warning,
             "generation " + core::to_string(id_of(call)) + " stays " + std::string(core::name(from)) + ": " + why, {},
             hint);
}

// Whether a row that is to go back to pending or queued has to stay where it is, because atelier has it or had it.
bool is_late(const pg::TriggerCall& call, GenerationStatus from, GenerationStatus to) {
  if (store::wish::current() == Wish::film) return false;
  const auto was_sent = [&] { return store::queue::has_attempt(id_of(call)) || generation::is_of_taken_film(call); };
  switch (from) {
    case GenerationStatus::pending:
      return false;
    case GenerationStatus::queued:
      // Taking it out waits for a claim that is under way.
      return !store::queue::remove(id_of(call)) && store::queue::has_open_attempt(id_of(call));
    case GenerationStatus::processing:
    case GenerationStatus::completed:
      return was_sent();
    case GenerationStatus::failed:
    case GenerationStatus::cancelled: {
      const bool may_retry = !call.caller_is_restricted() || store::wish::current() == Wish::retry;
      const bool retry = to == GenerationStatus::queued && may_retry;
      return !retry && was_sent();
    }
  }
  return false;
}

// An explicit retry: it takes a place in the queue again, and gets another prediction.
void begin_again(pg::TriggerCall& call) {
  if (call.caller_is_restricted()) generation::take_place(call);
  call.set_null(column::kReplicatePredictionId);
}

// A row that becomes queued. False, with a warning, when it cannot be.
bool hand_over(pg::TriggerCall& call, GenerationStatus from) {
  if (core::is_active(from) && !call.new_is_null(column::kReplicatePredictionId)) {
    refuse_queueing(call, from, "it has a prediction already");
    return false;
  }
  if (core::is_terminal(from) && store::queue::has_open_attempt(id_of(call))) {
    refuse_queueing(call, from, "its last prediction has not ended yet",
                    "Try again when the provider has cancelled it.");
    return false;
  }
  if (generation::is_film(call)) {
    if (const std::string refusal = generation::film_refusal(call); !refusal.empty()) {
      refuse_queueing(call, from, refusal, "Insert the parts as pending before the film is queued.");
      return false;
    }
    if (core::is_terminal(from)) begin_again(call);
    return true;
  }
  generation::require_listed_model(call);
  if (const generation::Refusal refusal = generation::prepare_hand_over(call)) {
    refuse_queueing(call, from, refusal.message, refusal.hint);
    return false;
  }
  if (core::is_terminal(from)) begin_again(call);
  return true;
}

// False when the row keeps its status for now: a user's wish to cancel what is running is passed on, and how it ended
// is what the provider says. The app has the last word.
bool cancel(const pg::TriggerCall& call) {
  const bool by_film = store::wish::current() == Wish::film;
  if (pg::is_worker() && !by_film) return true;
  const core::Uuid id = id_of(call);
  if (store::queue::remove(id)) return true;
  const bool asks = by_film || call.caller_is_restricted() || store::wish::current() == Wish::cancel;
  if (!(asks ? store::queue::request_cancel(id) : store::queue::disown(id))) return true;
  pg::wake_dispatcher_at_commit();
  return !asks;
}

// The app says how a generation ends, or that it has sent it itself: what atelier waits for or has sent is none of it.
void give_up(const pg::TriggerCall& call, GenerationStatus from, GenerationStatus to) {
  if (pg::is_worker() || from == GenerationStatus::pending) return;
  const core::Uuid id = id_of(call);
  if (from == GenerationStatus::queued) store::queue::remove(id);
  if (core::is_active(from) == core::is_active(to)) return;
  if (store::queue::disown(id)) pg::wake_dispatcher_at_commit();
}

// A film that was handed over starts its parts itself, in their order.
bool is_out_of_turn(const pg::TriggerCall& call, GenerationStatus from, GenerationStatus to) {
  if (to != GenerationStatus::pending && to != GenerationStatus::queued) return false;
  if (store::wish::current() == Wish::film || !generation::is_taken_part(call)) return false;
  if (to == GenerationStatus::queued)
    refuse_queueing(call, from, "it is part of a film, which starts it", "Queue the film anew when it has failed.");
  return true;
}

bool moves(pg::TriggerCall& call, GenerationStatus from, GenerationStatus to) {
  if (is_out_of_turn(call, from, to)) return false;
  switch (to) {
    case GenerationStatus::pending:
      return !is_late(call, from, to);
    case GenerationStatus::queued:
      return !is_late(call, from, to) && hand_over(call, from);
    case GenerationStatus::cancelled:
      return core::is_terminal(from) || from == GenerationStatus::pending || cancel(call);
    case GenerationStatus::processing:
    case GenerationStatus::completed:
    case GenerationStatus::failed:
      give_up(call, from, to);
      return true;
  }
  return true;
}

core::StatusTimes old_times(const pg::TriggerCall& call) {
  const auto us = [&](const pg::Column& time) -> std::optional<int64_t> {
    const auto value = call.old_value<pg::Timestamp>(time);
    return value ? std::optional<int64_t>(value->us) : std::nullopt;
  };
  // A prediction that ends before it was seen running has its start from the worker, which knows when it was sent.
  std::optional<int64_t> started_us = us(column::kStartedAt);
  if (!started_us && !call.caller_is_restricted())
    if (const auto sent = call.new_value<pg::Timestamp>(column::kStartedAt)) started_us = sent->us;
  return {started_us, us(column::kCompletedAt), call.old_value<int32_t>(column::kProcessingTimeMs)};
}

}  // namespace

ATELIER_FUNCTION(update_generation_status) {
  pg::TriggerCall call(fcinfo, generation::kTable, pg::TriggerTime::before_row);
  if (call.event() != pg::TriggerEvent::update) return call.result();
  generation::normalise(call);
  const auto from = generation::old_status(call);
  const auto to = generation::new_status(call);
  if (from && core::is_active(*from) && !pg::is_worker() &&
      (call.changes(column::kReplicateInput) || call.changes(column::kReplicateModel)))
    generation::keep_sent(call);
  if (!from || !to || from == to) return call.result();
  if (!moves(call, *from, *to)) {
    call.keep(column::kStatus);
    return call.result();
  }
  const core::StatusChange change = core::change_status(*from, *to, old_times(call), pg::transaction_start().us);
  generation::set_times(call, change.times);
  if (change.clear_error) call.set_null(column::kErrorMessage);
  return call.result();
}
