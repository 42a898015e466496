// SPDX-License-Identifier: PostgreSQL
// touch_updated_at(): BEFORE UPDATE on any table of atelier with such a column. It says when the row was changed last,
// whatever the statement sent.
#include "pg/entry.hpp"
#include "pg/trigger.hpp"

using namespace atelier;

namespace {

constinit const pg::Column kUpdatedAt{"updated_at", pg::TypeOf<pg::Timestamp>::scalar};

}  // namespace

ATELIER_FUNCTION(touch_updated_at) {
  pg::TriggerCall call(fcinfo, pg::TriggerTime::before_row);
  if (call.event() == pg::TriggerEvent::update) call.set(kUpdatedAt, pg::Arg::of(pg::transaction_start()));
  return call.result();
}
