// SPDX-License-Identifier: PostgreSQL
#include "store/acting.hpp"

#include <string>

#include "pg/error.hpp"
#include "pg/role.hpp"
#include "store/caller.hpp"
#include "store/rights.hpp"

namespace atelier::store::acting {

void require_self(const std::optional<core::Uuid>& user) {
  if (pg::role_bypasses_policies()) return;
  if (!user || caller::identity().sub != user)
    pg::fail(pg::Code::insufficient_privilege, "a user may not act for another user",
             "The id in the call is not that of the signed-in user.");
  if (!rights::is_active_user())
    pg::fail(pg::Code::insufficient_privilege, "the user is not active",
             "The signed-in user has no profile, or it is deactivated.");
}

void require_admin(const char* do_what) {
  if (pg::role_bypasses_policies() || rights::is_admin()) return;
  pg::fail(pg::Code::insufficient_privilege, std::string("only admins ") + do_what,
           "The signed-in user is neither an admin nor a super_admin.");
}

}  // namespace atelier::store::acting
