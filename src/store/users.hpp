// SPDX-License-Identifier: PostgreSQL
// Global roles and credits of users, for rpc/users.cpp. Everything runs as the owner of the tables, whoever calls; who
// may is the caller's matter. People are found by address here, rights are never decided by one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "store/uuid.hpp"

namespace atelier::store::users {

// A user found by his address in any case of letters, as the calling query's snapshot shows him.
struct Found {
  core::Uuid id;
  std::string role;  // in effect: that of a deactivated user is `user`
};
std::optional<Found> by_email(std::string_view email);

// Gives the role to the user with this address; false when there is none or he is a super_admin, whose role stays.
bool set_role(std::string_view email, std::string_view role);

// Takes credits from a balance, which never falls below zero by it. Nothing happens when the user is gone.
void take_credits(const core::Uuid& user, int32_t credits);

}  // namespace atelier::store::users
