// SPDX-License-Identifier: PostgreSQL
// What the functions of atelier ask the table of users. Reads as the owner, whoever calls.
#pragma once

#include "store/uuid.hpp"

namespace atelier::store::users {

// Whether the user exists and is not deactivated, as the calling query sees it.
bool is_active(const core::Uuid& user);

}  // namespace atelier::store::users
