// SPDX-License-Identifier: PostgreSQL
#include "store/change_memory.hpp"

#include "pg/datum.hpp"
#include "pg/postgres.hpp"
#include "pg/shared_area.hpp"
#include "pg/transaction.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace atelier::store::change_memory {

namespace {

using pg::SharedArea;

struct Memory {
  Start start;
  core::RecentChanges changes;
};

const pg::SharedAreaWish kWish(sizeof(Memory));

Memory& memory_in(const SharedArea& area) { return *static_cast<Memory*>(area.memory()); }

// Whoever comes first since the server started finds no change missing of transactions that begin from now on.
void begin() {
  const Start start{static_cast<uint64_t>(pg::now().us), pg::oldest_transaction_id()};
  const uint64_t next = pg::next_transaction_id();
  SharedArea area(SharedArea::For::writing);
  if (area.is_in_use()) return;
  memory_in(area).start = start;
  memory_in(area).changes.begin(next);
  area.set_in_use();
}

bool try_add(const core::RecentChange& change) {
  SharedArea area(SharedArea::For::writing);
  if (!area.is_in_use()) return false;
  memory_in(area).changes.add(change);
  return true;
}

}  // namespace

Start start() {
  if (!SharedArea::exists()) return {};
  {
    const SharedArea area(SharedArea::For::reading);
    if (area.is_in_use()) return memory_in(area).start;
  }
  begin();
  const SharedArea area(SharedArea::For::reading);
  return memory_in(area).start;
}

void add(const core::Uuid& generation, const core::Uuid& user, const core::Uuid& workspace) {
  if (!SharedArea::exists()) return;
  const core::RecentChange change{pg::transaction_id(), MyDatabaseId, generation, user, workspace};
  if (try_add(change)) return;
  begin();
  try_add(change);
}

std::optional<std::vector<core::Uuid>> find(core::RecentChanges::Scope scope, const core::Uuid& id,
                                            const core::poll::Snapshot& since, const core::poll::Snapshot& now,
                                            uint64_t own, size_t most) {
  if (!SharedArea::exists()) return std::nullopt;
  const SharedArea area(SharedArea::For::reading);
  if (!area.is_in_use()) return std::nullopt;
  return memory_in(area).changes.find(MyDatabaseId, scope, id, since, now, own, most);
}

}  // namespace atelier::store::change_memory
