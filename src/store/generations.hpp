// SPDX-License-Identifier: PostgreSQL
// One generation as cancel_generation(), retry_generation() and explain_generation() need it: whose it is, locked,
// given another status, explained. The triggers on the table decide what a new status means; this decides nothing.
#pragma once

#include <optional>
#include <string>

#include "store/uuid.hpp"

namespace atelier::store::generations {

// Whose it is; nullopt when it does not exist. As the owner of the table.
std::optional<core::Uuid> user_of(const core::Uuid& generation);

// Locks the row until the transaction ends and returns its status; nullopt when it is gone. As the owner of the table.
std::optional<std::string> lock(const core::Uuid& generation);

// Sets the status with the rights of the caller, and returns what the triggers have made of it; nullopt when the caller
// does not reach the row.
std::optional<std::string> set_status(const core::Uuid& generation, std::string_view status);

// Whether the caller may read the row, by the policies of the table.
bool is_readable(const core::Uuid& generation);

// Why it stands where it stands (atelier.explanation()). As the owner.
struct Explanation {
  std::optional<std::string> state, reason, blocked_by;
  std::optional<int64_t> place, ahead;
  std::optional<pg::Timestamp> earliest_start;
  std::optional<int16_t> percent;
};
Explanation explain(const core::Uuid& generation);

}  // namespace atelier::store::generations
