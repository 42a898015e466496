// SPDX-License-Identifier: PostgreSQL
#include "pg/named_lock.hpp"

#include "pg/entry.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lock.h"
}

namespace atelier::pg {

namespace {

LOCKTAG tag_of(Oid relation, uint16_t place) {
  LOCKTAG tag;
  SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationRelationId, relation, place);
  return tag;
}

bool try_lock(Oid relation, uint16_t place, bool for_session) {
  const LOCKTAG tag = tag_of(relation, place);
  return guard([&] { return LockAcquire(&tag, ExclusiveLock, for_session, true) != LOCKACQUIRE_NOT_AVAIL; });
}

// The functions for advisory locks know the classes 1 and 2.
constexpr uint16_t kOwnClass = 3;

}  // namespace

bool try_lock_for_transaction(Oid relation, uint16_t place) { return try_lock(relation, place, false); }

SessionLock::SessionLock(Oid relation, uint16_t place)
    : relation_(relation), place_(place), held_(try_lock(relation, place, true)) {}

SessionLock::~SessionLock() {
  if (!held_) return;
  enter_callback("release of a lock", [&] {
    const LOCKTAG tag = tag_of(relation_, place_);
    guard([&] { LockRelease(&tag, ExclusiveLock, true); });
  });
}

void lock_for_transaction(std::string_view name) {
  const uint64_t key =
      hash_bytes_extended(reinterpret_cast<const unsigned char*>(name.data()), static_cast<int>(name.size()), 0);
  LOCKTAG tag;
  SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, static_cast<uint32_t>(key >> 32), static_cast<uint32_t>(key), kOwnClass);
  guard([&] { LockAcquire(&tag, ExclusiveLock, false, false); });
}

}  // namespace atelier::pg
