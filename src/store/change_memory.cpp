// SPDX-License-Identifier: PostgreSQL
#include "store/change_memory.hpp"

#include "pg/postgres.hpp"
#include "pg/shared_area.hpp"
#include "pg/transaction.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace atelier::store::change_memory {

namespace {

using pg::SharedArea;

const pg::SharedAreaWish kWish(sizeof(core::RecentChanges));

core::RecentChanges& changes_in(const SharedArea& area) { return *static_cast<core::RecentChanges*>(area.memory()); }

// Whoever comes first since the server started finds no change missing of transactions that begin from now on.
void begin(SharedArea& area, uint64_t next_transaction) {
  if (area.is_in_use()) return;
  changes_in(area).begin(next_transaction);
  area.set_in_use();
}

}  // namespace

void add(const core::Uuid& generation, const core::Uuid& user, const core::Uuid& workspace) {
  if (!SharedArea::exists()) return;
  const core::RecentChange change{pg::transaction_id(), MyDatabaseId, generation, user, workspace};
  SharedArea area(SharedArea::For::writing);
  begin(area, change.transaction + 1);
  changes_in(area).add(change);
}

std::optional<std::vector<core::Uuid>> find(core::RecentChanges::Scope scope, const core::Uuid& id,
                                            const core::poll::Snapshot& since, const core::poll::Snapshot& now,
                                            uint64_t own, size_t most) {
  if (!SharedArea::exists()) return std::nullopt;
  {
    const SharedArea area(SharedArea::For::reading);
    if (area.is_in_use()) return changes_in(area).find(MyDatabaseId, scope, id, since, now, own, most);
  }
  const uint64_t next = pg::next_transaction_id();
  SharedArea area(SharedArea::For::writing);
  begin(area, next);
  return std::nullopt;
}

}  // namespace atelier::store::change_memory
