// SPDX-License-Identifier: PostgreSQL
// Transactions of the workers, subtransactions of anybody, and the switch to the owner of atelier's tables. These are
// the only places that may swallow a pg::Error: they roll back what it interrupted. No transaction made here may be
// open while the network is awaited; the worker loop keeps that by opening them for a batch and nothing else.
#pragma once

#include <optional>
#include <utility>

#include "pg/error.hpp"
#include "pg/memory.hpp"
#include "pg/postgres.hpp"

namespace atelier::pg {

namespace detail {
void begin_transaction();
void commit_transaction();
void abort_transaction() noexcept;
struct Subtransaction {
  MemoryContext context;
  void* owner;
};
Subtransaction begin_subtransaction();
void commit_subtransaction(const Subtransaction& outer);
void abort_subtransaction(const Subtransaction& outer);
}  // namespace detail

// Runs `body` in a transaction of its own with an active snapshot. Returns what went wrong, after rolling back, or
// nothing after the commit. For background workers only.
template <typename Body>
std::optional<Error> in_transaction(Body&& body) {
  // The end of a transaction leaves another context current, in which a loop would pile up memory.
  const InContext outer(CurrentMemoryContext);
  std::optional<Error> caught;
  try {
    detail::begin_transaction();
    std::forward<Body>(body)();
    detail::commit_transaction();
  } catch (const Error& error) {
    caught = error;
  } catch (...) {
    detail::abort_transaction();
    throw;
  }
  if (caught) detail::abort_transaction();
  return caught;
}

// Acts as role `owner` until the end of the block, under a security context in which SET ROLE and RESET ROLE raise: a
// trigger on a table of ours cannot climb to the worker's superuser. Names are looked up in pg_catalog alone, so that
// no operator or function of a caller's search_path gets into a statement of ours. When an error passes, the abort
// restores both too.
class AsRole {
 public:
  explicit AsRole(Oid role);
  ~AsRole();
  AsRole(const AsRole&) = delete;
  AsRole& operator=(const AsRole&) = delete;

  // Names are looked up as the session says again; the role stays. For a commit inside the block.
  void leave_path();

 private:
  Oid previous_role_;
  int previous_context_;
  int nest_level_;
  int path_;
  bool path_left_ = false;
};

// The oid of role atelier_owner, looked up once per backend; raises 55000 when it does not exist.
Oid owner_role();
// The same, and InvalidOid when it does not exist.
Oid find_owner_role();

// The same as the owner of atelier's tables, and that to the very end: what triggers have put off to the commit runs in
// the commit, and would run as the worker's superuser otherwise.
template <typename Body>
std::optional<Error> in_owner_transaction(Body&& body) {
  const InContext outer(CurrentMemoryContext);
  std::optional<Error> caught;
  try {
    detail::begin_transaction();
    AsRole owner(owner_role());
    std::forward<Body>(body)();
    owner.leave_path();
    detail::commit_transaction();
  } catch (const Error& error) {
    caught = error;
  } catch (...) {
    detail::abort_transaction();
    throw;
  }
  if (caught) detail::abort_transaction();
  return caught;
}

// Runs `body` in a subtransaction: what it did is undone when it raises, and the error is returned.
template <typename Body>
std::optional<Error> in_subtransaction(Body&& body) {
  const detail::Subtransaction outer = detail::begin_subtransaction();
  std::optional<Error> caught;
  try {
    std::forward<Body>(body)();
    detail::commit_subtransaction(outer);
  } catch (const Error& error) {
    caught = error;
  } catch (...) {
    detail::abort_subtransaction(outer);
    throw;
  }
  if (caught) detail::abort_subtransaction(outer);
  return caught;
}

// Forces this transaction's commit to reach the local disk before anybody hears of it, whatever synchronous_commit
// says.
void make_commit_durable();

// The number of the running transaction, assigned if it has none yet, as pg_current_xact_id() tells it; one that none
// has yet that runs; the lowest one of those that run in any database, prepared ones too; and which of its
// subtransactions is running, the first being the transaction itself.
uint64_t transaction_id();
uint64_t next_transaction_id();
uint64_t oldest_transaction_id();
uint32_t subtransaction_id() noexcept;

// Calls `callback(committed)` at the end of each top-level transaction that asked for it with `at_commit`. The server's
// list of callbacks is scanned at every commit, so it is registered once per backend.
using CommitCallback = void (*)(bool committed);
void at_commit(CommitCallback callback);

}  // namespace atelier::pg
