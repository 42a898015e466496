// SPDX-License-Identifier: PostgreSQL
// How large the columns of a generation may be that people fill in, whoever writes them. Checked by the guard trigger
// before anything looks into the values. What the provider returns is not limited here.
#pragma once

#include "pg/trigger.hpp"

namespace atelier::trigger::generation {

// Raises 22001 for a value that is too large or too deeply nested, 22023 when settings is no JSON object. On UPDATE
// only the columns that change are looked at.
void check_limits(const pg::TriggerCall& call);

}  // namespace atelier::trigger::generation
