// SPDX-License-Identifier: PostgreSQL
// What has changed among the generations of a user or a workspace, for poll_generations().
//
// generations.changed_in holds the number of the transaction that wrote the row last, set by the guard trigger. What a
// client has not seen is what a transaction wrote that its snapshot did not show, so no commit is missed in whatever
// order transactions end. Which rows to look at is told by the shared memory of the latest changes
// (store/change_memory); when that does not reach back far enough all rows of the scope are looked at. An index would
// find them too, at 80 bytes of WAL for each version of each row. A row that goes leaves a line in
// atelier.deleted_generations, written at deletions and moves, and when it becomes a part of a film.
//
// Reads as the owner of the tables, with the snapshot of the calling query; who may know is the caller's matter.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/poll.hpp"
#include "store/change_memory.hpp"
#include "store/uuid.hpp"

namespace atelier::store::changes {

// All that a user owns, or all that is in a workspace; parts of films are left out.
struct Scope {
  core::Uuid id;
  bool workspace = false;
};

// What the calling query's snapshot shows.
struct Now {
  core::poll::Snapshot snapshot;
  uint64_t own = 0;  // this transaction's own number; 0 when it has written nothing
  bool standby = false;
  uint32_t file = 0;  // that holds generations: another one after TRUNCATE, which leaves no line for each row
  change_memory::Start start;
};
Now now();

struct Change {
  core::poll::Position at;
  std::optional<std::string> row;  // the columns of the list as JSON; nullopt: the row is gone
};

// Changes that `since` does not show, from `after` on, at most `most`, in the order of their positions. Numbers of
// transactions that `now` cannot know come from another server, with a dump, and are no changes.
std::vector<Change> since(const Scope& scope, const core::poll::Snapshot& since, const core::poll::Position& after,
                          const Now& now, int most);

// The newest rows, at most `most`.
std::vector<Change> newest(const Scope& scope, int most);

// Whether the user has a generation that is pending, queued or processing.
bool has_active(const core::Uuid& user);

// Remembers a row that is new or has changed, as it is now; the nil UUID is no workspace.
void note_changed(const core::Uuid& generation, const core::Uuid& user, const core::Uuid& workspace);

// Remembers a row that is gone from a user's generations, from a workspace, or from both.
void note_gone(const core::Uuid& generation, const std::optional<core::Uuid>& user,
               const std::optional<core::Uuid>& workspace);

}  // namespace atelier::store::changes
