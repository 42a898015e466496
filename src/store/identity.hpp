// SPDX-License-Identifier: PostgreSQL
// Where atelier's tables are, for SQL-callable functions: they learn the app schema from the identity row, triggers
// from their table. Called by rpc/ before a statement that writes @app@.
#pragma once

namespace atelier::store::identity {

// Makes statements use the app schema of this database. Reads atelier.identity as the owner, once per backend and again
// after a change of the catalogs. Raises 55000 when install() has not run.
void use_app_schema();

}  // namespace atelier::store::identity
