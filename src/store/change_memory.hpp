// SPDX-License-Identifier: PostgreSQL
// The latest changes of generations (core/recent_changes) in shared memory, for polls. Exists under preload only; a
// server that has started anew begins with an empty one. Used by store/changes.cpp, not on a standby, where no trigger
// runs that would fill it.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "core/recent_changes.hpp"

namespace atelier::store::change_memory {

// Since when the server runs. A crash takes back the numbers of transactions that had left nothing on the disk, such as
// those that were rolled back last, and others get them; what a client has seen before is true below `first` only.
struct Start {
  uint64_t number = 0;  // another one for each start; 0 when nothing is known of it
  uint64_t first = 0;   // no transaction below has changed a generation since
};
Start start();

// A change of this transaction in the calling database. It may be told before the commit and is never taken back.
void add(const core::Uuid& generation, const core::Uuid& user, const core::Uuid& workspace);

// What core::RecentChanges::find() knows of the calling database; nullopt also when there is no such memory.
std::optional<std::vector<core::Uuid>> find(core::RecentChanges::Scope scope, const core::Uuid& id,
                                            const core::poll::Snapshot& since, const core::poll::Snapshot& now,
                                            uint64_t own, size_t most);

}  // namespace atelier::store::change_memory
