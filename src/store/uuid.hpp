// SPDX-License-Identifier: PostgreSQL
// Lets a core::Uuid be an argument of a statement, a column of a result and a value in a trigger, as pg/datum.hpp lets
// other C++ types. Included by whoever passes ids between SQL and C++.
#pragma once

#include "core/uuid.hpp"
#include "pg/datum.hpp"

namespace atelier::core {

inline Datum to_datum(const Uuid& uuid) { return pg::uuid_datum(uuid.bytes); }

}  // namespace atelier::core

namespace atelier::pg {

template <>
struct TypeOf<core::Uuid> {
  static constexpr Oid scalar = 2950, array = 2951;
};

template <>
inline core::Uuid to_cpp<core::Uuid>(Datum value) {
  return {uuid_bytes(value)};
}

}  // namespace atelier::pg
