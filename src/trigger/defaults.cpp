// SPDX-License-Identifier: PostgreSQL
// fill_defaults(): BEFORE INSERT on any table of atelier. Bulk inserts through a REST gateway send null for every
// column that one of their rows lacks; such a null becomes the column's default.
#include "pg/entry.hpp"
#include "pg/trigger.hpp"

using namespace atelier;

ATELIER_FUNCTION(fill_defaults) {
  pg::TriggerCall call(fcinfo, pg::TriggerTime::before_row);
  if (call.event() == pg::TriggerEvent::insert) call.fill_missing();
  return call.result();
}
