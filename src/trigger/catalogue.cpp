// SPDX-License-Identifier: PostgreSQL
// catalogue_changed(): AFTER every statement on atelier.models, atelier.prices and atelier.user_limits. The dispatcher
// keeps the first two in memory, and rows that waited for a limit may be due.
#include "pg/entry.hpp"
#include "pg/shmem.hpp"
#include "pg/trigger.hpp"

using namespace atelier;

ATELIER_FUNCTION(catalogue_changed) {
  const pg::TriggerCall call(fcinfo, pg::TriggerTime::after_statement);
  pg::note_tokens_changed_at_commit();
  return (Datum)0;
}
