// SPDX-License-Identifier: PostgreSQL
// sync_queue(): AFTER INSERT, UPDATE and DELETE on generations, each row. Keeps atelier.queue in step with the status,
// asks for the cancellation of what a deleted row had running, and wakes the dispatcher at commit. Holds credits for
// what is queued and gives them back when somebody else than the dispatcher ends it. Nodes of flows hear of what the
// dispatcher sent from the dispatcher, and here of what ends without having been sent. A film is driven from here.
// clear_queue(): AFTER TRUNCATE on generations, the same for all rows at once.
#include <charconv>
#include <optional>
#include <string>

#include "pg/announced.hpp"
#include "pg/entry.hpp"
#include "pg/jsonb.hpp"
#include "pg/settings.hpp"
#include "pg/shmem.hpp"
#include "store/credits.hpp"
#include "store/films.hpp"
#include "store/flows.hpp"
#include "store/outputs.hpp"
#include "store/queue.hpp"
#include "store/uuid.hpp"
#include "store/wish.hpp"
#include "trigger/film.hpp"
#include "trigger/generation.hpp"

using namespace atelier;
using namespace atelier::trigger;
using core::GenerationStatus;
namespace column = generation::column;

namespace {

// settings.priority as an integer or its text; everything else, and what does not fit, counts as 0.
int16_t priority_in(Datum settings) {
  const auto text = pg::jsonb::scalar_member(settings, "priority");
  if (!text) return 0;
  int16_t priority = 0;
  const char* end = text->data() + text->size();
  const auto parsed = std::from_chars(text->data(), end, priority);
  return parsed.ec == std::errc() && parsed.ptr == end ? priority : 0;
}

// The credits of a row that has just been queued; raises when the balance is short.
void take_hold(const pg::TriggerCall& call, const core::Uuid& id, const core::Uuid& user) {
  const int32_t price = call.new_value<int32_t>(column::kCostCredits).value_or(1);
  if (!pg::settings::enforce_credits() || price <= 0 || store::credits::hold(id, user, price)) return;
  pg::fail(pg::Code::configuration_limit_exceeded, "not enough credits",
           "The generation costs " + std::to_string(price) + ", the balance of its user is " +
               std::to_string(store::credits::balance(user)) + ".",
           "Add credits, or wait until generations under way have ended.");
}

void add(const pg::TriggerCall& call) {
  if (generation::is_film(call)) return generation::begin_film(call);
  const auto settings = call.new_datum(column::kSettings);
  const auto id = call.new_required<core::Uuid>(column::kId);
  const auto user = call.new_required<core::Uuid>(column::kUserId);
  store::queue::add(id, user, settings ? priority_in(*settings) : int16_t{0});
  take_hold(call, id, user);
  pg::announce_user_at_commit(user.bytes);
}

void end_unsent(const core::Uuid& id, std::optional<GenerationStatus> status) {
  store::queue::remove(id);
  if (status && core::is_terminal(*status)) store::flows::show_results({id});
}

// A status that somebody has taken a row out of.
void leave(const pg::TriggerCall& call) {
  const auto from = generation::old_status(call);
  const auto to = generation::new_status(call);
  const auto id = call.old_required<core::Uuid>(column::kId);
  if (from == GenerationStatus::queued) end_unsent(id, to);
  if (from == GenerationStatus::queued || from == GenerationStatus::processing) store::credits::release(id);
  if (from == GenerationStatus::completed) store::outputs::forget(id);
}

void follow_deletion(const pg::TriggerCall& call, GenerationStatus status) {
  const auto id = call.old_required<core::Uuid>(column::kId);
  if (status == GenerationStatus::pending) return;
  if (status == GenerationStatus::completed) store::outputs::forget(id);
  if (core::is_active(status)) {
    store::queue::remove(id);
    store::credits::release(id);
  }
  if (!store::queue::disown(id)) return;
  generation::keep_sent(call);
  pg::wake_dispatcher_at_commit();
}

}  // namespace

ATELIER_FUNCTION(sync_queue) {
  const pg::TriggerCall call(fcinfo, generation::kTable, pg::TriggerTime::after_row);
  switch (call.event()) {
    case pg::TriggerEvent::insert:
      if (generation::new_status(call) == GenerationStatus::queued) add(call);
      break;
    case pg::TriggerEvent::update:
      if (generation::old_status(call) == generation::new_status(call)) break;
      // The dispatcher takes its rows out of the queue and settles their credits itself; what a film moves is not its.
      if (!pg::is_worker() || store::wish::current() == store::wish::Wish::film) leave(call);
      if (generation::new_status(call) == GenerationStatus::queued)
        add(call);
      else
        generation::follow_film(call);
      break;
    case pg::TriggerEvent::remove:
      follow_deletion(call, generation::old_status(call).value_or(GenerationStatus::processing));
      generation::follow_film_deletion(call);
      break;
    case pg::TriggerEvent::truncate:
      break;
  }
  return (Datum)0;
}

ATELIER_FUNCTION(clear_queue) {
  const pg::TriggerCall call(fcinfo, generation::kTable, pg::TriggerTime::after_statement);
  if (call.event() != pg::TriggerEvent::truncate) return (Datum)0;
  store::queue::clear();
  store::credits::release_gone();
  store::outputs::forget_gone();
  store::films::forget_gone();
  pg::wake_dispatcher_at_commit();
  return (Datum)0;
}
