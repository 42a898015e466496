// SPDX-License-Identifier: PostgreSQL
#include "pg/snapshot.hpp"

extern "C" {
#include "access/xact.h"
#include "utils/snapmgr.h"
}

namespace atelier::pg {

SnapshotKey current_snapshot() noexcept {
  if (!ActiveSnapshotSet()) return {};
  const Snapshot snapshot = GetActiveSnapshot();
  return {snapshot->xmin, snapshot->xmax, snapshot->xcnt + static_cast<uint32_t>(snapshot->subxcnt), snapshot->curcid};
}

bool snapshot_is_fixed() noexcept { return IsolationUsesXactSnapshot(); }

}  // namespace atelier::pg
