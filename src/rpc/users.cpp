// SPDX-License-Identifier: PostgreSQL
// Functions about global roles and credits. Who calls is what the verified claims or the database role say, never an
// argument.
#include "store/users.hpp"

#include "pg/entry.hpp"
#include "pg/role.hpp"
#include "rpc/arguments.hpp"
#include "store/caller.hpp"
#include "store/identity.hpp"
#include "store/rights.hpp"

using namespace atelier;

namespace {

std::optional<store::users::Found> find(const std::optional<std::string>& email) {
  if (!email) return std::nullopt;
  store::identity::use_app_schema();
  return store::users::by_email(*email);
}

// Behind the service key somebody else is asking, and the app names him: he has to be a super_admin as well.
bool may_set_roles(const std::optional<std::string>& requester) {
  if (!pg::role_bypasses_policies()) return store::rights::is_super_admin();
  const auto found = find(requester);
  return found && found->role == "super_admin";
}

}  // namespace

// role_of_email(email): the role in effect of a user, null for an unknown address. For admins, service_role, and users
// about themselves; the answer to others is the same for every address.
ATELIER_FUNCTION(role_of_email) {
  const auto found = find(rpc::argument<std::string>(fcinfo, 0));
  const bool self = found && found->id == store::caller::identity().sub;
  if (!self && !pg::role_bypasses_policies() && !store::rights::is_admin())
    pg::fail(pg::Code::insufficient_privilege, "permission denied to ask for the role of another user",
             "Users ask for their own; admins and service_role for everybody's.");
  if (found) return pg::to_datum(std::string_view(found->role));
  return rpc::null_result(fcinfo);
}

// set_admin_role(target, requester, to_admin): makes a user an admin or an admin a user; false when there is no such
// user or he is a super_admin. For super_admins; for service_role when the requester is one.
ATELIER_FUNCTION(set_admin_role) {
  const auto target = rpc::argument<std::string>(fcinfo, 0);
  if (!may_set_roles(rpc::argument<std::string>(fcinfo, 1)))
    pg::fail(pg::Code::insufficient_privilege, "permission denied to change the role of a user",
             "Only a super_admin grants and revokes the role admin.");
  if (!target || PG_ARGISNULL(2)) return pg::to_datum(false);
  store::identity::use_app_schema();
  return pg::to_datum(store::users::set_role(*target, PG_GETARG_BOOL(2) ? "admin" : "user"));
}

// decrement_credits(user, credits): takes credits from a balance, down to zero. For service_role, by its grant.
ATELIER_FUNCTION(decrement_credits) {
  if (PG_ARGISNULL(0)) pg::fail(pg::Code::invalid_parameter_value, "a user is needed to take credits from");
  if (PG_ARGISNULL(1) || PG_GETARG_INT32(1) < 0)
    pg::fail(pg::Code::invalid_parameter_value, "the number of credits to take must be zero or more");
  store::identity::use_app_schema();
  store::users::take_credits(pg::to_cpp<core::Uuid>(PG_GETARG_DATUM(0)), PG_GETARG_INT32(1));
  return (Datum)0;
}
