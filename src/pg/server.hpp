// SPDX-License-Identifier: PostgreSQL
// Facts about the server this process belongs to.
#pragma once

#include <cstdint>

namespace atelier::pg {

// The major version this library was built for.
int major_version();

uint64_t system_identifier();
// The timeline that is being written; only on a primary.
int32_t timeline();

}  // namespace atelier::pg
