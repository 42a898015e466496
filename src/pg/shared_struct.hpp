// SPDX-License-Identifier: PostgreSQL
// A struct in the server's shared memory with an LWLock of its own. Used by the files of pg/ that keep something there.
#pragma once

#include <cstddef>

#include "pg/guard.hpp"
#include "pg/postgres.hpp"

extern "C" {
#include "storage/lwlock.h"
#include "storage/shmem.h"
}

namespace atelier::pg {

// The struct of this name, of so many bytes, whose member `lock` is its lock. Whoever comes first since the server
// started sets it up, all but the lock.
template <typename Struct>
Struct* shared_struct(const char* name, size_t bytes, void (*set_up)(Struct&)) {
  return guard([&] {
    bool found = false;
    LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
    auto* place = static_cast<Struct*>(ShmemInitStruct(name, bytes, &found));
    if (!found) {
      LWLockInitialize(&place->lock, LWLockNewTrancheId());
      set_up(*place);
    }
    LWLockRelease(AddinShmemInitLock);
    LWLockRegisterTranche(place->lock.tranche, name);
    return place;
  });
}

}  // namespace atelier::pg
