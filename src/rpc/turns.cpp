// SPDX-License-Identifier: PostgreSQL
// take_turn(): what functions in SQL call where only one transaction may go on at a time.
#include <string>

#include "pg/entry.hpp"
#include "pg/named_lock.hpp"
#include "rpc/arguments.hpp"

using namespace atelier;

// take_turn(what): waits for other transactions that named the same, and holds the place to the end of this one. For
// the owner.
ATELIER_FUNCTION(take_turn) {
  pg::lock_for_transaction(pg::to_cpp<std::string>(PG_GETARG_DATUM(0)));
  return (Datum)0;
}
