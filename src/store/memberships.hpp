// SPDX-License-Identifier: PostgreSQL
// Who belongs to what: roles in workspaces and flows, owners of flows, LoRA models and chats. Reads as the owner of the
// tables, whoever calls, with the snapshot of the calling query. Called by rpc/membership.cpp for policies and
// functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/uuid.hpp"

namespace atelier::store::memberships {

struct Profile {
  bool active = false;
  std::string role;  // user, admin or super_admin
};
std::optional<Profile> profile(const core::Uuid& user);

struct Membership {
  core::Uuid of;     // the workspace or flow
  std::string role;  // owner, admin or member; owner, editor or viewer
};
std::vector<Membership> workspaces(const core::Uuid& user);
// Accepted ones only.
std::vector<Membership> flows(const core::Uuid& user);

struct Flow {
  core::Uuid owner;
  std::optional<core::Uuid> workspace;
};
std::optional<Flow> flow(const core::Uuid& id);

std::optional<core::Uuid> owner_of_lora(const core::Uuid& lora);
std::optional<core::Uuid> owner_of_conversation(const core::Uuid& conversation);

}  // namespace atelier::store::memberships
