// SPDX-License-Identifier: PostgreSQL
// What a function with several columns answers with: rows collected in a tuplestore, or one composite value. Used by
// rpc/.
#pragma once

#include <vector>

#include "pg/datum.hpp"
#include "pg/postgres.hpp"

namespace atelier::pg {

class ResultSet {
 public:
  // Prepares the call; raises when the caller cannot take a set.
  explicit ResultSet(FunctionCallInfo fcinfo);

  // Adds a row: one value per column of the function's result, of that column's type.
  void add(const std::vector<Arg>& values);

 private:
  FunctionCallInfo fcinfo_;
};

// The value of a function that returns one record: one value per column of its result, of that column's type.
Datum composite(FunctionCallInfo fcinfo, const std::vector<Arg>& values);

}  // namespace atelier::pg
