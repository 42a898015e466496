// SPDX-License-Identifier: PostgreSQL
// A table of numbers by key that is written past the executor: no plan, no triggers, no policies, no WAL of row locks.
// For the lines that every transaction writes as it commits, where a statement would cost more than what it writes. The
// key's columns are the first ones and the primary key, numbers (bigint) follow, and there is no other index. Whoever
// raises a line sees to it that nobody else does. Used by store/counts; what it cannot do is left to a statement.
#pragma once

#include <cstdint>

#include "pg/postgres.hpp"

namespace atelier::pg {

class CounterTable {
 public:
  // A table of schema atelier. It stays locked for writers until the end of the transaction.
  CounterTable(const char* name, int keys, int numbers);
  ~CounterTable();
  CounterTable(const CounterTable&) = delete;
  CounterTable& operator=(const CounterTable&) = delete;

  // Adds to the numbers of the line with this key. False when there is none, when somebody else has it in hands, or
  // when the table is not of this form; nothing was written then.
  bool raise(const Datum* key, const int64_t* numbers);
  // Writes a new line. False when the table is not of this form.
  bool append(const Datum* key, const int64_t* numbers);
  // For a key that ends with a number of its own: by chance, and negative, as no sequence gives it.
  static int64_t new_number() noexcept;

 private:
  struct Open;
  bool opened();
  void index_entry(const Datum* key, void* slot);

  const char* name_;
  int keys_;
  int numbers_;
  Open* open_ = nullptr;
  bool refused_ = false;
};

}  // namespace atelier::pg
