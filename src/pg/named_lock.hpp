// SPDX-License-Identifier: PostgreSQL
// Locks that stand for an activity, not for a row: one of a kind at a time. Unlike advisory locks nobody can take them
// from SQL to be in the way, and unlike row locks they write no WAL. Used by store/jobs.
#pragma once

#include <cstdint>

#include "pg/postgres.hpp"

namespace atelier::pg {

// Number `place` of what `relation` stands for, in this database; false when another session holds it. The first form
// holds it to the end of the transaction and may be repeated.
bool try_lock_for_transaction(Oid relation, uint16_t place);

// Holds it over several transactions, to the end of the block or of the process.
class SessionLock {
 public:
  SessionLock(Oid relation, uint16_t place);
  ~SessionLock();
  SessionLock(const SessionLock&) = delete;
  SessionLock& operator=(const SessionLock&) = delete;

  bool held() const noexcept { return held_; }

 private:
  Oid relation_;
  uint16_t place_;
  bool held_;
};

}  // namespace atelier::pg
