// SPDX-License-Identifier: PostgreSQL
// Which state of the database the running query sees, so that an answer can be remembered for as long as it stays the
// same. Two snapshots of one key are equal: for one xmax the transactions still running can only become fewer. Used by
// store/. And a way to look past the snapshot.
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

// Until the end of the block, read-only statements see what is committed now and what this transaction has written so
// far, whatever its isolation level: for checks under a lock, as the server's own foreign keys do them.
class LatestSnapshot {
 public:
  LatestSnapshot();
  ~LatestSnapshot();
  LatestSnapshot(const LatestSnapshot&) = delete;
  LatestSnapshot& operator=(const LatestSnapshot&) = delete;

 private:
  int nest_level_;
};

}  // namespace atelier::pg
