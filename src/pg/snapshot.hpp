// SPDX-License-Identifier: PostgreSQL
// Which state of the database the running query sees, so that an answer can be remembered for as long as it stays the
// same. Two snapshots of one key are equal: for one xmax the transactions still running can only become fewer. Used by
// store/rights.hpp.
#pragma once

#include <cstdint>

#include "pg/postgres.hpp"

namespace atelier::pg {

struct SnapshotKey {
  uint32_t xmin = 0;
  uint32_t xmax = 0;
  uint32_t running = 0;  // how many transactions between the two it does not see
  uint32_t command = 0;

  friend bool operator==(const SnapshotKey&, const SnapshotKey&) = default;
};
SnapshotKey current_snapshot() noexcept;

// Whether the whole transaction sees one state of the database (REPEATABLE READ and above), so that what others commit
// meanwhile stays hidden even behind a lock.
bool snapshot_is_fixed() noexcept;

}  // namespace atelier::pg
