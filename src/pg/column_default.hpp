// SPDX-License-Identifier: PostgreSQL
// What a column's DEFAULT gives. Constants are evaluated once per backend and table version, everything else at each
// call, with the rights of the caller. Used by TriggerCall.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "utils/rel.h"
}

namespace atelier::pg {

struct DefaultValue {
  Datum value = 0;
  bool null = true;
};

// A column without DEFAULT gives null. The value lives in the current memory context or longer.
DefaultValue column_default(Relation relation, int attribute);

}  // namespace atelier::pg
