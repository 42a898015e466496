// SPDX-License-Identifier: PostgreSQL
#include "pg/request.hpp"

#include "pg/guard.hpp"
#include "pg/transaction.hpp"

extern "C" {
#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/guc.h"
}

namespace atelier::pg {

std::string_view request_setting(const char* name) {
  const char* value = guard([&] { return GetConfigOption(name, true, false); });
  return value == nullptr ? std::string_view() : std::string_view(value);
}

Oid calling_role() { return GetUserId() == owner_role() ? GetOuterUserId() : GetUserId(); }

bool caller_is_trusted() {
  const Oid role = calling_role();
  const Oid owner = owner_role();
  return guard([&] { return has_bypassrls_privilege(role) || has_privs_of_role(role, owner); });
}

}  // namespace atelier::pg
