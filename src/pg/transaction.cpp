// SPDX-License-Identifier: PostgreSQL
#include "pg/transaction.hpp"

#include "pg/compat.hpp"
#include "pg/entry.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "storage/procarray.h"
#include "utils/acl.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
}

namespace atelier::pg {

namespace detail {

void begin_transaction() {
  guard([] {
    SetCurrentStatementStartTimestamp();
    StartTransactionCommand();
    PushActiveSnapshot(GetTransactionSnapshot());
  });
}

void commit_transaction() {
  guard([] {
    PopActiveSnapshot();
    CommitTransactionCommand();
  });
}

void abort_transaction() noexcept {
  enter_callback("transaction abort", [] { guard([] { AbortCurrentTransaction(); }); });
}

Subtransaction begin_subtransaction() {
  const Subtransaction outer{CurrentMemoryContext, CurrentResourceOwner};
  guard([&] {
    BeginInternalSubTransaction(nullptr);
    MemoryContextSwitchTo(outer.context);
  });
  return outer;
}

namespace {
void leave(const Subtransaction& outer) {
  MemoryContextSwitchTo(outer.context);
  CurrentResourceOwner = static_cast<ResourceOwner>(outer.owner);
}
}  // namespace

void commit_subtransaction(const Subtransaction& outer) {
  guard([] { ReleaseCurrentSubTransaction(); });
  leave(outer);
}

void abort_subtransaction(const Subtransaction& outer) {
  guard([] { RollbackAndReleaseCurrentSubTransaction(); });
  leave(outer);
}

}  // namespace detail

// A setting would not do: it would be taken back with the search path before the commit.
void make_commit_durable() { ForceSyncCommit(); }

uint64_t transaction_id() {
  return guard([] { return U64FromFullTransactionId(GetTopFullTransactionId()); });
}

uint64_t next_transaction_id() {
  return guard([] { return U64FromFullTransactionId(ReadNextFullTransactionId()); });
}

uint64_t oldest_transaction_id() {
  return guard([] {
    const TransactionId oldest = GetOldestActiveTransactionId();
    // Its epoch is that of the next one or the one before.
    const uint64_t next = U64FromFullTransactionId(ReadNextFullTransactionId());
    return next - static_cast<TransactionId>(static_cast<TransactionId>(next) - oldest);
  });
}

uint32_t subtransaction_id() noexcept { return GetCurrentSubTransactionId(); }

AsRole::AsRole(Oid role) : nest_level_(GetCurrentTransactionNestLevel()) {
  path_ = guard([] { return compat::enter_catalog_path(); });
  GetUserIdAndSecContext(&previous_role_, &previous_context_);
  SetUserIdAndSecContext(role, previous_context_ | SECURITY_LOCAL_USERID_CHANGE);
}

AsRole::~AsRole() {
  SetUserIdAndSecContext(previous_role_, previous_context_);
  // An error may have left a subtransaction open, whose abort takes care of the path.
  if (!path_left_ && GetCurrentTransactionNestLevel() == nest_level_) compat::leave_catalog_path(path_);
}

void AsRole::leave_path() {
  guard([&] { compat::leave_catalog_path(path_); });
  path_left_ = true;
}

Oid find_owner_role() {
  static Oid known = InvalidOid;
  const bool still_there =
      OidIsValid(known) && guard([] { return SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(known)); });
  if (!still_there) known = guard([] { return get_role_oid("atelier_owner", true); });
  return known;
}

Oid owner_role() {
  const Oid role = find_owner_role();
  if (!OidIsValid(role))
    fail(Code::object_not_in_prerequisite_state, "role \"atelier_owner\" does not exist",
         "It owns the tables and the definer functions of atelier.", "Run SELECT atelier.install();");
  return role;
}

namespace {

constexpr int kMostCallbacks = 8;
CommitCallback waiting[kMostCallbacks];
int waiting_count = 0;
bool registered = false;

void finish(bool committed) {
  const int count = waiting_count;
  waiting_count = 0;
  for (int i = 0; i < count; ++i) enter_callback("commit callback", [&] { waiting[i](committed); });
}

void on_transaction_end(XactEvent event, void*) {
  if (waiting_count == 0) return;
  switch (event) {
    case XACT_EVENT_COMMIT:
    case XACT_EVENT_PARALLEL_COMMIT:
      return finish(true);
    case XACT_EVENT_ABORT:
    case XACT_EVENT_PARALLEL_ABORT:
    case XACT_EVENT_PREPARE:
      return finish(false);
    default:
      return;
  }
}

}  // namespace

void at_commit(CommitCallback callback) {
  if (!registered) {
    guard([] { RegisterXactCallback(on_transaction_end, nullptr); });
    registered = true;
  }
  for (int i = 0; i < waiting_count; ++i)
    if (waiting[i] == callback) return;
  if (waiting_count == kMostCallbacks) fail(Code::internal_error, "too many commit callbacks");
  waiting[waiting_count++] = callback;
}

}  // namespace atelier::pg
