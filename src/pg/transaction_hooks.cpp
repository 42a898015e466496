// SPDX-License-Identifier: PostgreSQL
#include "pg/transaction_hooks.hpp"

#include <exception>

#include "pg/entry.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "access/xact.h"
#include "utils/snapmgr.h"
}

namespace atelier::pg {

namespace {

constinit const TransactionHooks* followed = nullptr;

void on_transaction(XactEvent event, void*) {
  switch (event) {
    case XACT_EVENT_PRE_COMMIT:
      return enter([] { followed->before_end(keeps_snapshot()); });
    case XACT_EVENT_PRE_PREPARE:
      // Nobody knows when a prepared transaction ends.
      return enter([] { followed->before_end(true); });
    case XACT_EVENT_COMMIT:
    case XACT_EVENT_ABORT:
    case XACT_EVENT_PREPARE:
      return followed->end();
    default:
      return;
  }
}

void on_subtransaction(SubXactEvent event, SubTransactionId, SubTransactionId, void*) {
  if (event == SUBXACT_EVENT_COMMIT_SUB) followed->end_subtransaction(nesting_level(), true);
  if (event == SUBXACT_EVENT_ABORT_SUB) followed->end_subtransaction(nesting_level(), false);
}

}  // namespace

void follow_transactions(const TransactionHooks& hooks) {
  if (followed == &hooks) return;
  if (followed != nullptr) fail(Code::internal_error, "transactions are followed already");
  guard([] {
    RegisterXactCallback(on_transaction, nullptr);
    RegisterSubXactCallback(on_subtransaction, nullptr);
  });
  followed = &hooks;
}

int nesting_level() noexcept { return GetCurrentTransactionNestLevel(); }

bool keeps_snapshot() noexcept { return IsolationUsesXactSnapshot(); }

WritingAtEnd::WritingAtEnd() : read_only_(XactReadOnly) {
  guard([] { PushActiveSnapshot(GetTransactionSnapshot()); });
  XactReadOnly = false;
}

WritingAtEnd::~WritingAtEnd() {
  XactReadOnly = read_only_;
  // After an error the abort pops what was pushed.
  if (std::uncaught_exceptions() == 0) PopActiveSnapshot();
}

}  // namespace atelier::pg
