// SPDX-License-Identifier: PostgreSQL
// Tables are ordinary objects, so nothing but this stands between a slip of a DBA and the loss of all rows: DROP of a
// table of atelier_owner, and of whatever takes one along (a schema, DROP OWNED), is refused while the table holds
// rows, unless atelier.allow_drop is on. Which table it is, is decided by its oid's entry in the catalog (kind, owner),
// not by a name. Installed by _PG_init under preload.
//
// Not in its way: what the server drops by itself (rewrites of tables, temporary tables), DROP DATABASE, DROP
// EXTENSION, which keeps the tables, and the scripts of the extension. A step of install() that means to drop a table
// with rows says so by SET LOCAL atelier.allow_drop = on.
#pragma once

namespace atelier::pg {

void guard_drops();

}  // namespace atelier::pg
