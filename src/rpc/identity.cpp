// SPDX-License-Identifier: PostgreSQL
// Who is calling: uid() and role().
#include "pg/datum.hpp"
#include "pg/entry.hpp"
#include "rpc/arguments.hpp"
#include "store/caller.hpp"
#include "store/uuid.hpp"

using namespace atelier;

// uid(): the subject of the claims; null for nobody. For everybody.
ATELIER_FUNCTION(uid) {
  const std::optional<core::Uuid>& sub = store::caller::identity().sub;
  return sub ? to_datum(*sub) : rpc::null_result(fcinfo);
}

// role(): the role of the claims, which need not be the role of the session; null for nobody. For everybody.
ATELIER_FUNCTION(role) {
  const std::string& role = store::caller::identity().role;
  return role.empty() ? rpc::null_result(fcinfo) : pg::to_datum(std::string_view(role));
}
