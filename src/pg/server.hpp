// SPDX-License-Identifier: PostgreSQL
// Facts about the server that this process belongs to: its version, and which server and history it is, by which a
// copied or restored database is told from the original. Used by store/dispatch and for the user agent.
#pragma once

#include <cstdint>

namespace atelier::pg {

// The major version this library was built for.
int major_version();

uint64_t system_identifier();
// The timeline that is being written; only on a primary.
int32_t timeline();

}  // namespace atelier::pg
