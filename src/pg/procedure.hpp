// SPDX-License-Identifier: PostgreSQL
// A procedure that commits in between, for work that would hold locks too long in one transaction. Its body makes one
// `Procedure`, calls store functions, which connect to SPI by themselves, and calls commit() while nothing of a
// transaction is held: no Rows, no Datum. Used by rpc/. Called inside a transaction block, commit() raises 2D000.
#pragma once

#include "pg/postgres.hpp"

namespace atelier::pg {

class Procedure {
 public:
  explicit Procedure(FunctionCallInfo fcinfo);
  ~Procedure();
  Procedure(const Procedure&) = delete;
  Procedure& operator=(const Procedure&) = delete;

  // Ends the transaction and begins the next one.
  void commit();
};

}  // namespace atelier::pg
