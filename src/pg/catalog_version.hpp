// SPDX-License-Identifier: PostgreSQL
// When to forget what was learnt from the catalogs. Caches of this backend (columns of a table, defaults, the app
// schema) keep the version they were filled at and are filled again when it has moved on. The server announces changes
// of any relation, so the number also grows for tables that are not ours.
#pragma once

#include <cstdint>

namespace atelier::pg {

// Starts at 1 and grows with every announced change.
uint64_t catalog_version();

}  // namespace atelier::pg
