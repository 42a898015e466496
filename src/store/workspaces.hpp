// SPDX-License-Identifier: PostgreSQL
// Workspaces and their members, for the triggers that guard them and for functions that list them. Everything runs as
// the owner of the tables, whoever calls; who may is the caller's matter. Changes of owners are serialised by a lock on
// the workspace's row.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pg/datum.hpp"
#include "store/uuid.hpp"

namespace atelier::store::workspaces {

// Locks the workspace until the end of the transaction; false when it does not exist, for instance since it is being
// deleted.
bool lock(const core::Uuid& workspace);

// Whether the workspace has an owner other than this user. To be asked under the lock.
bool has_other_owner(const core::Uuid& workspace, const core::Uuid& user);

// False while the user is being deleted.
bool user_exists(const core::Uuid& user);

// Makes a user an owner; a membership that there is already stays as it is.
void add_owner(const core::Uuid& workspace, const core::Uuid& user);

// The membership of the user who made the workspace, while he is one of its owners. To be asked under the lock.
struct FirstOwner {
  core::Uuid membership;
  pg::Timestamp joined_at;
  std::optional<core::Uuid> invited_by;
};
std::optional<FirstOwner> first_owner(const core::Uuid& workspace, const core::Uuid& user);
void remove_membership(const core::Uuid& membership);

// The role of a user in a workspace, as the calling query's snapshot shows it.
std::optional<std::string> role(const core::Uuid& workspace, const core::Uuid& user);

// The active workspaces of a user in the order of joining, as the calling query's snapshot shows them.
struct Joined {
  core::Uuid id;
  std::string name;
  std::string slug;
  std::string role;
  int64_t members = 0;
};
std::vector<Joined> joined_by(const core::Uuid& user);

// Cancels what atelier has waiting or running in a workspace; see trigger/generation_status.cpp for what that means.
void cancel_generations(const core::Uuid& workspace);

}  // namespace atelier::store::workspaces
