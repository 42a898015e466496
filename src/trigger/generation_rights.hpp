// SPDX-License-Identifier: PostgreSQL
// What an ordinary user may write in generations: the second wall behind the column privileges. Called by the guard
// trigger when row level security applies to the caller; which rows he may write is the policies' matter.
#pragma once

#include "pg/trigger.hpp"

namespace atelier::trigger::generation {

// INSERT: what describes the wish comes from the user, every other column gets its default whatever was sent. Raises
// 42501 for a status other than pending and queued and for a workspace that he is no member of.
void restrict_insert(pg::TriggerCall& call);

// UPDATE: raises 42501 for every change that is not his to make.
void restrict_update(pg::TriggerCall& call);

}  // namespace atelier::trigger::generation
