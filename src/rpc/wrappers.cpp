// SPDX-License-Identifier: PostgreSQL
// What the planner asks of the functions in the app's schema that only call one of ours.
#include "pg/entry.hpp"
#include "pg/plain_call.hpp"

using namespace atelier;

// plain_call(request): their support function. For the planner.
ATELIER_FUNCTION(plain_call) { return pg::plain_call(PG_GETARG_DATUM(0)); }
