// SPDX-License-Identifier: PostgreSQL
// May this database dispatch? Reads the identity row and compares it with where it is running now: a restored, cloned
// or copied database has another system identifier or oid, one that was restored from a dump another oid of that very
// table, and holds. Called by the workers inside a transaction, as owner.
#pragma once

#include <cstdint>
#include <string>

#include "pg/postgres.hpp"

namespace atelier::store::dispatch {

// The version of the tables that this code works on: the number of the last step of install(). The workers do nothing
// in a database whose tables are older or newer, and health() says what to run.
constexpr int32_t kTableVersion = 25;

enum class Permit {
  running,
  paused,          // by pause()
  held,            // by install() or by a former start, until resume()
  not_installed,   // no identity row: install() has not run
  other_database,  // the identity row is of another server or database
};

struct State {
  Permit permit = Permit::not_installed;
  std::string app_schema;
  int32_t table_version = 0;
  bool code_is_current = false;  // the extension has been updated to this library
  bool promoted = false;         // the timeline has changed since the row was written

  // Watching what was sent goes on while dispatch is paused; in every other state the workers do nothing at all.
  bool serves() const {
    return table_version == kTableVersion && code_is_current && (permit == Permit::running || permit == Permit::paused);
  }
};

// Whether the extension in this database has the version of this library. After the library's files were replaced it
// has not, until ALTER EXTENSION UPDATE.
bool code_is_current();
// What kTableVersion was in the release whose extension this database still has; 0 when that is no release.
int32_t released_table_version();

// The calling server and database.
struct Here {
  uint64_t system_identifier;
  Oid database;
  int32_t timeline;
};
Here here();

State state();

// Writes the new timeline after a promotion.
void note_timeline();
// From now on nothing is dispatched until resume().
void hold();

}  // namespace atelier::store::dispatch
