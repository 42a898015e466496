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
constexpr int32_t kTableVersion = 17;

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
  bool promoted = false;  // the timeline has changed since the row was written
};

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

}  // namespace atelier::store::dispatch
