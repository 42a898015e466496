// SPDX-License-Identifier: PostgreSQL
// The rows that a set-returning function answers with, collected in a tuplestore. Used by rpc/.
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

}  // namespace atelier::pg
