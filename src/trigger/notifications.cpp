// SPDX-License-Identifier: PostgreSQL
// guard_notification(): BEFORE INSERT OR UPDATE on notifications. Of his notifications a user changes whether he has
// read them. He inserts none: no policy lets him.
#include "pg/entry.hpp"
#include "trigger/allowed.hpp"

using namespace atelier;
using namespace atelier::trigger;

ATELIER_FUNCTION(guard_notification) {
  pg::TriggerCall call(fcinfo, "notifications", pg::TriggerTime::before_row);
  if (call.event() == pg::TriggerEvent::insert) call.fill_missing();
  if (call.event() == pg::TriggerEvent::update) allow_changes(call, "a notification", {"is_read"});
  return call.result();
}
