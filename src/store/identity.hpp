// SPDX-License-Identifier: PostgreSQL
// Where atelier's tables are, for SQL-callable functions: they learn the app schema from the identity row, triggers
// from their table. Called by rpc/ before a statement that writes @app@.
#pragma once

#include <string_view>

namespace atelier::store::identity {

// Makes statements use the app schema of this database. Reads atelier.identity as the owner, once per backend and again
// after a change of the catalogs. Raises 55000 when install() has not run.
void use_app_schema();

// Whether this database has gone through the step of install() with this name. The library serves a database that has
// not been updated yet, too, so code that SQL of the oldest released version can reach asks before it uses a table or a
// column of a later step. Read like the app schema, as the owner.
bool has_step(std::string_view name);

}  // namespace atelier::store::identity
