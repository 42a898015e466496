// SPDX-License-Identifier: PostgreSQL
// What the REST gateway makes for each request: settings (request.jwt.claims and its like) and the role that the
// request runs as. Settings are read at every call of a policy, so reading one costs a look-up and no copy. Used by
// store/; a setting can be forged by whoever may run SQL, the role cannot.
#pragma once

#include <string_view>

#include "pg/postgres.hpp"

namespace atelier::pg {

// The value of a setting, empty when it does not exist. Valid until the setting changes.
std::string_view request_setting(const char* name);

// The role that calls: the current one, or the one before the switch when a SECURITY DEFINER function of atelier_owner
// is running.
Oid calling_role();

// Whether row level security does not apply to the calling role: service_role, atelier_owner, superusers.
bool caller_is_trusted();

}  // namespace atelier::pg
