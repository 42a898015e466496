// SPDX-License-Identifier: PostgreSQL
// How many generations of a user wait to be taken, counted without a race: whoever is about to add one takes the lock
// first and keeps it until his transaction ends. Called by trigger/queue_limit.cpp; runs as the owner.
#pragma once

#include <cstdint>

#include "store/uuid.hpp"

namespace atelier::store::waiting {

// Waits for other transactions that add generations of this user.
void lock(const core::Uuid& user);

// The pending and queued generations of the user, parts of films included, but no further than `most`. Sees what is
// committed now, whatever this transaction's snapshot shows, and what it has inserted itself.
int64_t count(const core::Uuid& user, int64_t most);

}  // namespace atelier::store::waiting
