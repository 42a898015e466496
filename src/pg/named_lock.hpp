// SPDX-License-Identifier: PostgreSQL
// Locks that stand for an activity, not for a row: one of a kind at a time. Unlike advisory locks nobody can take them
// from SQL to be in the way, and unlike row locks they write no WAL. Used by store/jobs, store/waiting, store/flows,
// and by the functions in SQL through take_turn().
#pragma once

#include <cstdint>
#include <string_view>

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

// Waits for the lock of this name in this database, and holds it to the end of the transaction. Two names of one hash
// wait for each other now and then, which does no harm.
void lock_for_transaction(std::string_view name);

}  // namespace atelier::pg
