// SPDX-License-Identifier: PostgreSQL
// atelier.spending: what predictions have cost, by day (UTC) and user, kept so that a claim reads one row. Called by
// the dispatcher, in the transaction that ends the attempts, and before it claims; as owner.
#pragma once

#include <string>
#include <vector>

#include "pg/datum.hpp"
#include "store/uuid.hpp"

namespace atelier::store::spending {

struct Cost {
  core::Uuid user;
  std::string usd;
};
// Adds the costs to the day of `now`, for their users and for all together.
void add(const std::vector<Cost>& costs, pg::Timestamp now);

// Whether the day of `now` has cost so many dollars already.
bool reached(double usd, pg::Timestamp now);

}  // namespace atelier::store::spending
