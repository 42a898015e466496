// SPDX-License-Identifier: PostgreSQL
#include "pg/catalog_version.hpp"

#include "pg/guard.hpp"

extern "C" {
#include "utils/inval.h"
}

namespace atelier::pg {

namespace {

uint64_t version = 1;
bool registered = false;

void on_change(Datum, Oid) { ++version; }

}  // namespace

uint64_t catalog_version() {
  // The server has few places for such callbacks and never gives one back.
  if (!registered) {
    guard([] { CacheRegisterRelcacheCallback(on_change, 0); });
    registered = true;
  }
  return version;
}

}  // namespace atelier::pg
