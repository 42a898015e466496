// SPDX-License-Identifier: PostgreSQL
// For what a transaction collects and writes at its end: a set of functions that are called before it commits or is
// prepared, at the end of each of its subtransactions, and when it has ended. The server's lists of callbacks are
// scanned at every commit, so they are registered once per backend. Used by store/counts.
#pragma once

namespace atelier::pg {

struct TransactionHooks {
  // The last moment to write rows; what it raises aborts the transaction. `appending` says that it must not touch a
  // row that others may be changing: they would wait for long, or it would raise 40001.
  void (*before_end)(bool appending);
  // Must neither raise nor call the server.
  void (*end_subtransaction)(int level, bool committed) noexcept;
  void (*end)() noexcept;
};

// From now on; the second and later calls with the same set cost nothing. There is one set per backend.
void follow_transactions(const TransactionHooks& hooks);

// How deep the running subtransaction is nested; 1 for none.
int nesting_level() noexcept;

// Whether this transaction keeps the snapshot of its first statement: REPEATABLE READ and SERIALIZABLE.
bool keeps_snapshot() noexcept;

// An active snapshot that shows what is committed now, or in a transaction that keeps its snapshot that one; and leave
// to write though the transaction has been declared read only since it wrote.
class WritingAtEnd {
 public:
  WritingAtEnd();
  ~WritingAtEnd();
  WritingAtEnd(const WritingAtEnd&) = delete;
  WritingAtEnd& operator=(const WritingAtEnd&) = delete;

 private:
  bool read_only_;
};

}  // namespace atelier::pg
