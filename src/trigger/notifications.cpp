// SPDX-License-Identifier: PostgreSQL
// guard_notification(): BEFORE INSERT OR UPDATE on notifications. Of his notifications a user changes whether he has
// read them. He inserts none: no policy lets him.
#include "pg/entry.hpp"
#include "trigger/input.hpp"

using namespace atelier;
using namespace atelier::trigger;

namespace {

constinit const pg::Column kIsRead{"is_read", pg::TypeOf<bool>::scalar};

}  // namespace

ATELIER_FUNCTION(guard_notification) {
  pg::TriggerCall call(fcinfo, "notifications", pg::TriggerTime::before_row);
  if (call.event() == pg::TriggerEvent::insert) call.fill_missing();
  if (call.event() == pg::TriggerEvent::update) input::take_update(call, "a notification", {&kIsRead});
  return call.result();
}
