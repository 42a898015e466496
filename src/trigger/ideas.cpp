// SPDX-License-Identifier: PostgreSQL
// The triggers on ideas and votes: nobody brings votes along, and the number of votes follows the rows of idea_votes.
#include "store/ideas.hpp"
#include "core/text.hpp"
#include "pg/entry.hpp"
#include "trigger/allowed.hpp"

using namespace atelier;
using namespace atelier::trigger;

namespace {

constexpr Oid kUuid = pg::TypeOf<core::Uuid>::scalar;
constexpr Oid kVarchar = 1043;

constinit const pg::Column kTitle{"title", kVarchar};
constinit const pg::Column kDescription{"description", pg::TypeOf<std::string>::scalar};
constinit const pg::Column kIdeaId{"idea_id", kUuid};

}  // namespace

ATELIER_FUNCTION(guard_idea) {
  pg::TriggerCall call(fcinfo, "ideas", pg::TriggerTime::before_row);
  if (call.event() == pg::TriggerEvent::insert)
    allow_insert(call, {"id", "user_id", "title", "description"});
  else if (call.event() == pg::TriggerEvent::update)
    allow_changes(call, "an idea", {"title", "description"});
  else
    return call.result();
  if (call.caller_is_restricted()) limit_texts(call, {&kDescription});
  const auto title = call.new_value<std::string>(kTitle);
  if (title && is_new(call, kTitle) && core::text::trim(*title).empty())
    pg::fail(pg::Code::check_violation, "the title of an idea is empty");
  return call.result();
}

ATELIER_FUNCTION(count_vote) {
  const pg::TriggerCall call(fcinfo, "idea_votes", pg::TriggerTime::after_row);
  using pg::TriggerEvent;
  if (call.event() == TriggerEvent::remove || call.event() == TriggerEvent::update)
    if (const auto idea = call.old_value<core::Uuid>(kIdeaId)) store::ideas::count_votes(*idea, -1);
  if (call.event() == TriggerEvent::insert || call.event() == TriggerEvent::update)
    if (const auto idea = call.new_value<core::Uuid>(kIdeaId)) store::ideas::count_votes(*idea, 1);
  return (Datum)0;
}
