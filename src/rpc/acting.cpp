// SPDX-License-Identifier: PostgreSQL
// The check at the beginning of functions that take a user's id: require_self().
#include "store/acting.hpp"
#include "pg/entry.hpp"
#include "rpc/arguments.hpp"
#include "store/uuid.hpp"

using namespace atelier;

// require_self(user): raises 42501 unless the user is the signed-in one or the caller is the app. For authenticated and
// service_role; it runs with the caller's rights, whose role it looks at.
ATELIER_FUNCTION(require_self) {
  store::acting::require_self(rpc::argument<core::Uuid>(fcinfo, 0));
  return (Datum)0;
}
