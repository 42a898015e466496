// SPDX-License-Identifier: PostgreSQL
// atelier.max_queued_per_user: how many generations of a user may wait at once. Called by the guard trigger for rows
// that an ordinary user inserts; service_role and the owner are exempt.
#pragma once

#include "pg/trigger.hpp"

namespace atelier::trigger::generation {

// Raises 53400 when as many generations of the user are pending or queued as may be. Transactions that insert for one
// user wait for each other here, so that no two of them take the last place.
void take_place(const pg::TriggerCall& call);

}  // namespace atelier::trigger::generation
