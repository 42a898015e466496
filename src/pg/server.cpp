// SPDX-License-Identifier: PostgreSQL
#include "pg/server.hpp"

#include "pg/compat.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "access/xlog.h"
}

namespace atelier::pg {

int major_version() { return compat::kMajorVersion; }

uint64_t system_identifier() {
  return guard([] { return GetSystemIdentifier(); });
}

int32_t timeline() {
  return guard([] { return static_cast<int32_t>(RecoveryInProgress() ? 0 : GetWALInsertionTimeLine()); });
}

}  // namespace atelier::pg
