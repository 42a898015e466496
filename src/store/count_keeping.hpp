// SPDX-License-Identifier: PostgreSQL
// What the keeper does for the kept numbers of generations: it folds the lines that writers have added beside the
// table, and compares some users' numbers with their rows, repairing what is wrong. What both do is SQL. Called in
// transactions of the owner.
#pragma once

#include <cstdint>

#include "store/uuid.hpp"

namespace atelier::store::counts {

// At most `most` lines; returns how many there were.
int64_t fold(int32_t most);

// Where the comparison stands. It starts anew from default values.
struct Audit {
  core::Uuid next;       // the first user who is to be compared
  int64_t changes = -1;  // how many rows had been changed when this round through all users began
};

// The next users, of about `most` rows; nothing when no row has changed since the last round was complete. Returns how
// many lines had to be repaired.
int64_t audit(Audit& audit, int32_t most);

}  // namespace atelier::store::counts
