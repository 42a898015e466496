// SPDX-License-Identifier: PostgreSQL
// For whom a function may act that takes a user's id as an argument: a user acts for himself, the app (service_role)
// and the owner for everybody. Called by rpc/ at the beginning of such functions, which run with the rights of their
// caller. Claims only narrow: the role that counts is the one the session has.
#pragma once

#include <optional>

#include "store/uuid.hpp"

namespace atelier::store::acting {

// Raises 42501 unless `user` is the signed-in, active user or the caller is the app.
void require_self(const std::optional<core::Uuid>& user);

// Raises 42501, saying that only admins `do_what`, unless the signed-in user is an active admin or super_admin or the
// caller is the app.
void require_admin(const char* do_what);

}  // namespace atelier::store::acting
