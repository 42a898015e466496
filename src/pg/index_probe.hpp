// SPDX-License-Identifier: PostgreSQL
// Whether a statement would find anything at all, asked of an index past the executor: for the triggers of rows that
// nothing of ours belongs to, where a statement would cost more than the rest. Used by store/.
#pragma once

#include "pg/postgres.hpp"

namespace atelier::pg {

// False when no row has this uuid in the first column of the index of schema atelier: none that is committed, none of
// this transaction and none of one that is under way. True also when the index is missing or of another kind.
bool may_have_row(const char* index, Datum key);

}  // namespace atelier::pg
