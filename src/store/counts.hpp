// SPDX-License-Identifier: PostgreSQL
// How many generations a user or a workspace has, by what the app shows on its tabs. The numbers are kept in
// atelier.generation_counts, not counted: triggers tell what changes by `note` and `note_truncated`, which only add to
// this backend's map; before the transaction ends one batch writes it. Who reads adds what is still in the map. Reads
// as the owner of the tables with the snapshot of the calling query; who may know is the caller's matter. Called by
// rpc/counts.cpp, rpc/poll.cpp and trigger/generation_counts.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/counts.hpp"
#include "store/uuid.hpp"

namespace atelier::store::counts {

// A row has come (sign 1) or gone (-1). `table` is the oid of generations, which names the locks.
void note(Oid table, const core::counts::Row& row, int sign);
// All rows have gone.
void note_truncated();

// Writes now what the map holds, as lines that are added to the table's.
void write_now();

// What the map holds, for the functions in SQL that add it to what the tables say.
std::vector<core::counts::Change> unwritten();

struct Counts {
  int64_t all = 0;
  int64_t active = 0;  // pending, queued and processing
  int64_t favorites = 0;
  int64_t failed = 0;

  friend bool operator==(const Counts&, const Counts&) = default;
};

Counts of_user(const core::Uuid& user);

// Of all who have generations in it, or of one user.
Counts of_workspace(const core::Uuid& workspace, const std::optional<core::Uuid>& user);

}  // namespace atelier::store::counts
