// SPDX-License-Identifier: PostgreSQL
// Arguments and null results of SQL-callable functions, where null is an answer and no error. Used by rpc/ only; a
// function that is STRICT reads its arguments with pg::to_cpp.
#pragma once

#include <optional>

#include "pg/datum.hpp"

namespace atelier::rpc {

// The argument of this place, counted from 0; nullopt for null.
template <typename T>
std::optional<T> argument(FunctionCallInfo fcinfo, int place) {
  if (PG_ARGISNULL(place)) return std::nullopt;
  return pg::to_cpp<T>(PG_GETARG_DATUM(place));
}

inline Datum null_result(FunctionCallInfo fcinfo) {
  fcinfo->isnull = true;
  return 0;
}

}  // namespace atelier::rpc
