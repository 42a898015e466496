// SPDX-License-Identifier: PostgreSQL
// A planner support function for wrappers in the app's schema: the planner calls the function behind the wrapper in its
// place, so that the wrapper costs nothing. Its own `SET search_path`, which linters ask of every function, is what
// costs most of a short call: up to version 15 the end of the transaction looks at each setting of the server then.
#pragma once

#include "pg/postgres.hpp"

namespace atelier::pg {

// Answers a request of the planner, a Node: for a simplification the call of the function of the same name, arguments
// and result in schema atelier; null when that is no plain C function, or when the caller may not call both.
Datum plain_call(Datum request);

}  // namespace atelier::pg
