// SPDX-License-Identifier: PostgreSQL
// The ledger of credits: every change of users.credits that atelier makes is a row of atelier.credit_entries, and the
// amounts add up to the change. A hold is taken when a generation is queued while atelier.enforce_credits is on, and
// ends as a release; a completed generation has one charge. Holds are the triggers' business and run as the owner;
// settling is the dispatcher's, in the transaction that writes the results, after them, as owner. The caller holds the
// lock on the generations' rows.
#pragma once

#include <optional>
#include <vector>

#include "store/uuid.hpp"

namespace atelier::store::credits {

// Takes a hold; false when the balance is short. Waits for others who change the balance.
bool hold(const core::Uuid& generation, const core::Uuid& user, int32_t credits);
// The balance as this transaction sees it, for a message.
int32_t balance(const core::Uuid& user);

// Gives an open hold back; nothing when there is none.
void release(const core::Uuid& generation);
// The same for all generations that do not exist any more.
void release_gone();

// A generation that the dispatcher has ended.
struct Ended {
  core::Uuid generation;
  core::Uuid user;
  int32_t price;  // in credits; 0 when it is not completed
};
// Releases the holds of all of them, then charges what is completed and not charged yet, never below zero.
void settle(const std::vector<Ended>& ended);

}  // namespace atelier::store::credits
