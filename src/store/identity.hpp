// SPDX-License-Identifier: PostgreSQL
// Where atelier's tables are, for SQL-callable functions: they learn the app schema from the identity row, triggers
// from their table. Called by rpc/ before a statement that writes @app@.
#pragma once

#include <cstdint>

namespace atelier::store::identity {

// Makes statements use the app schema of this database. Reads atelier.identity as the owner, once per backend and again
// after a change of the catalogs. Raises 55000 when install() has not run.
void use_app_schema();

// The number of the last install step that this database has gone through. Code that needs a table or column of a later
// step than the oldest released version's asks before it uses them, since the library serves a database that has not
// been updated yet, too.
int32_t table_version();

}  // namespace atelier::store::identity
