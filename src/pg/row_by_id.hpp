// SPDX-License-Identifier: PostgreSQL
// A row of a table of the app schema by its integer primary key, read past the executor under the active snapshot: for
// calls that do little else, where a statement would cost more than all the rest. No policies and no privileges are
// looked at; the caller is the owner. Used by store/tokens; what it cannot do is left to a statement.
#pragma once

#include <cstdint>
#include <optional>

#include "pg/postgres.hpp"

namespace atelier::pg {

class RowById {
 public:
  explicit RowById(const char* table);
  ~RowById();
  RowById(const RowById&) = delete;
  RowById& operator=(const RowById&) = delete;

  // False when the table is missing or has no integer primary key.
  bool usable() const noexcept { return open_ != nullptr; }
  // Whether there is such a row.
  bool find(int32_t id);
  // A column of the row that was found, until the next one is looked for; nullopt for null. Raises when the column is
  // missing or has another type.
  std::optional<Datum> value(const char* column, Oid type) const;

 private:
  struct Open;
  Open* open_;
};

}  // namespace atelier::pg
