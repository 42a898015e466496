// SPDX-License-Identifier: PostgreSQL
// Functions about workspaces. Users ask about themselves; service_role asks about everybody.
#include "store/workspaces.hpp"

#include "core/slug.hpp"
#include "pg/entry.hpp"
#include "pg/result_set.hpp"
#include "rpc/arguments.hpp"
#include "store/acting.hpp"
#include "store/identity.hpp"

using namespace atelier;

namespace {

// The role of a user in a workspace, after checking who asks.
std::optional<std::string> checked_role(FunctionCallInfo fcinfo) {
  const auto workspace = rpc::argument<core::Uuid>(fcinfo, 0);
  const auto user = rpc::argument<core::Uuid>(fcinfo, 1);
  store::acting::require_self(user);
  if (!workspace || !user) return std::nullopt;
  store::identity::use_app_schema();
  return store::workspaces::role(*workspace, *user);
}

}  // namespace

// has_workspace(workspace, user): whether the user is a member; never null. For the user himself and service_role.
ATELIER_FUNCTION(has_workspace) { return pg::to_datum(checked_role(fcinfo).has_value()); }

// get_workspace_role(workspace, user): owner, admin or member; null for a stranger. For the user himself and
// service_role.
ATELIER_FUNCTION(get_workspace_role) {
  if (const auto role = checked_role(fcinfo)) return pg::to_datum(std::string_view(*role));
  return rpc::null_result(fcinfo);
}

// get_user_workspaces(user): his active workspaces in the order of joining. For the user himself and service_role.
ATELIER_FUNCTION(get_user_workspaces) {
  pg::ResultSet result(fcinfo);
  const auto user = rpc::argument<core::Uuid>(fcinfo, 0);
  store::acting::require_self(user);
  if (!user) return (Datum)0;
  store::identity::use_app_schema();
  for (const store::workspaces::Joined& joined : store::workspaces::joined_by(*user))
    result.add({pg::Arg::of(joined.id), pg::Arg::of(joined.name), pg::Arg::of(joined.slug), pg::Arg::of(joined.role),
                pg::Arg::of(joined.members)});
  return (Datum)0;
}

// translit_slug(name): a name for URLs, in Latin letters; empty when nothing is left of it. For everybody.
ATELIER_FUNCTION(translit_slug) {
  const std::string name = pg::to_cpp<std::string>(PG_GETARG_DATUM(0));
  return pg::to_datum(std::string_view(core::slug_from(name)));
}
