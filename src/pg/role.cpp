// SPDX-License-Identifier: PostgreSQL
#include "pg/role.hpp"

#include "pg/guard.hpp"
#include "pg/transaction.hpp"

extern "C" {
#include "miscadmin.h"
#include "utils/acl.h"
}

namespace atelier::pg {

bool role_bypasses_policies() {
  const Oid owner = owner_role();
  return guard([&] { return has_bypassrls_privilege(GetUserId()) || has_privs_of_role(GetUserId(), owner); });
}

}  // namespace atelier::pg
