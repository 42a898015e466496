// SPDX-License-Identifier: PostgreSQL
#include "pg/snapshot.hpp"

#include <exception>

#include "pg/guard.hpp"

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

LatestSnapshot::LatestSnapshot() : nest_level_(GetCurrentTransactionNestLevel()) {
  guard([] {
    CommandCounterIncrement();
    PushActiveSnapshot(GetLatestSnapshot());
  });
}

LatestSnapshot::~LatestSnapshot() {
  // After an error the abort pops what was pushed.
  if (GetCurrentTransactionNestLevel() == nest_level_ && std::uncaught_exceptions() == 0) PopActiveSnapshot();
}

}  // namespace atelier::pg
