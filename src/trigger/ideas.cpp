// SPDX-License-Identifier: PostgreSQL
// The triggers on ideas and votes: nobody brings votes along, and the number of votes follows the rows of idea_votes.
#include "store/ideas.hpp"
#include "pg/entry.hpp"
#include "trigger/input.hpp"

using namespace atelier;
using namespace atelier::trigger;

namespace {

constexpr Oid kUuid = pg::TypeOf<core::Uuid>::scalar;

constinit const pg::Column kId{"id", kUuid};
constinit const pg::Column kUserId{"user_id", kUuid};
constinit const pg::Column kTitle{"title", 1043};  // varchar, with a length of its own
constinit const pg::Column kDescription{"description", pg::TypeOf<std::string>::scalar};

constinit const pg::Column kIdeaId{"idea_id", kUuid};

}  // namespace

ATELIER_FUNCTION(guard_idea) {
  pg::TriggerCall call(fcinfo, "ideas", pg::TriggerTime::before_row);
  if (call.event() == pg::TriggerEvent::insert)
    input::take_insert(call, {&kId, &kUserId, &kTitle, &kDescription});
  else if (call.event() == pg::TriggerEvent::update)
    input::take_update(call, "an idea", {&kTitle, &kDescription});
  else
    return call.result();
  input::limit_texts(call, {&kDescription});
  return call.result();
}

ATELIER_FUNCTION(count_vote) {
  const pg::TriggerCall call(fcinfo, "idea_votes", pg::TriggerTime::after_row);
  const bool gone = call.event() == pg::TriggerEvent::remove || call.event() == pg::TriggerEvent::update;
  const bool come = call.event() == pg::TriggerEvent::insert || call.event() == pg::TriggerEvent::update;
  if (gone) store::ideas::count_votes(*call.old_value<core::Uuid>(kIdeaId), -1);
  if (come) store::ideas::count_votes(*call.new_value<core::Uuid>(kIdeaId), 1);
  return (Datum)0;
}
