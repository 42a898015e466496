// SPDX-License-Identifier: PostgreSQL
#include "store/rights.hpp"

#include <optional>
#include <string>
#include <unordered_map>

#include "pg/snapshot.hpp"
#include "store/caller.hpp"
#include "store/identity.hpp"
#include "store/memberships.hpp"

namespace atelier::store::rights {

namespace {

using Roles = std::unordered_map<core::Uuid, std::string, core::UuidHash>;
using Owned = std::unordered_map<core::Uuid, bool, core::UuidHash>;

enum class FlowRight { none, see, edit, own };

// All that is known of one caller as one snapshot shows it.
struct Known {
  std::optional<core::Uuid> user;
  pg::SnapshotKey snapshot;
  std::optional<memberships::Profile> profile;
  std::optional<Roles> workspaces;
  std::optional<Roles> flow_roles;
  std::unordered_map<core::Uuid, FlowRight, core::UuidHash> flows;
  Owned loras;
  Owned conversations;
};

// Never freed: a destructor would run at backend exit, after the server's memory is gone.
Known& kept() {
  static auto* known = new Known;
  return *known;
}

// Null for nobody and for deactivated users.
Known* active_caller() {
  Known& known = kept();
  const std::optional<core::Uuid>& user = caller::identity().sub;
  const pg::SnapshotKey snapshot = pg::current_snapshot();
  if (!user) return nullptr;
  if (known.user != user || known.snapshot != snapshot) {
    identity::use_app_schema();
    known = Known{};
    known.profile = memberships::profile(*user);
    known.snapshot = snapshot;
    // Last, so that an error above leaves nothing that looks valid.
    known.user = user;
  }
  return known.profile && known.profile->active ? &known : nullptr;
}

Roles roles_in(const std::vector<memberships::Membership>& found) {
  Roles roles;
  roles.reserve(found.size());
  for (const memberships::Membership& membership : found) roles.emplace(membership.of, membership.role);
  return roles;
}

// The caller's role; empty when he has none.
std::string_view role_in(const std::optional<Roles>& roles, const core::Uuid& id) {
  const auto place = roles->find(id);
  return place == roles->end() ? std::string_view() : std::string_view(place->second);
}

std::string_view workspace_role(const core::Uuid& workspace) {
  Known* known = active_caller();
  if (known == nullptr) return {};
  if (!known->workspaces) known->workspaces = roles_in(memberships::workspaces(*known->user));
  return role_in(known->workspaces, workspace);
}

std::string_view flow_role(const core::Uuid& flow) {
  Known* known = active_caller();
  if (known == nullptr) return {};
  if (!known->flow_roles) known->flow_roles = roles_in(memberships::flows(*known->user));
  return role_in(known->flow_roles, flow);
}

FlowRight right_in(const core::Uuid& id, const core::Uuid& user) {
  const std::optional<memberships::Flow> flow = memberships::flow(id);
  if (!flow) return FlowRight::none;
  if (flow->owner == user) return FlowRight::own;
  const std::string_view role = flow_role(id);
  if (role == "owner" || role == "editor") return FlowRight::edit;
  if (flow->workspace && is_workspace_member(*flow->workspace)) return FlowRight::edit;
  return role.empty() ? FlowRight::none : FlowRight::see;
}

FlowRight flow_right(const core::Uuid& flow) {
  Known* known = active_caller();
  if (known == nullptr) return FlowRight::none;
  const auto place = known->flows.find(flow);
  if (place != known->flows.end()) return place->second;
  const FlowRight right = right_in(flow, *known->user);
  known->flows.emplace(flow, right);
  return right;
}

bool owns(Owned Known::*owned, std::optional<core::Uuid> (*owner_of)(const core::Uuid&), const core::Uuid& id) {
  Known* known = active_caller();
  if (known == nullptr) return false;
  const auto place = (known->*owned).find(id);
  if (place != (known->*owned).end()) return place->second;
  const bool mine = owner_of(id) == known->user;
  (known->*owned).emplace(id, mine);
  return mine;
}

}  // namespace

bool is_active_user() { return active_caller() != nullptr; }

bool is_admin() {
  const Known* known = active_caller();
  return known != nullptr && (known->profile->role == "admin" || known->profile->role == "super_admin");
}

bool is_super_admin() {
  const Known* known = active_caller();
  return known != nullptr && known->profile->role == "super_admin";
}

bool is_workspace_member(const core::Uuid& workspace) { return !workspace_role(workspace).empty(); }

bool manages_workspace(const core::Uuid& workspace) {
  const std::string_view role = workspace_role(workspace);
  return role == "owner" || role == "admin";
}

bool owns_workspace(const core::Uuid& workspace) { return workspace_role(workspace) == "owner"; }

bool can_see_flow(const core::Uuid& flow) { return flow_right(flow) >= FlowRight::see; }
bool can_edit_flow(const core::Uuid& flow) { return flow_right(flow) >= FlowRight::edit; }
bool owns_flow(const core::Uuid& flow) { return flow_right(flow) == FlowRight::own; }
bool is_flow_member(const core::Uuid& flow) { return !flow_role(flow).empty(); }

bool owns_lora(const core::Uuid& lora) { return owns(&Known::loras, memberships::owner_of_lora, lora); }

bool owns_conversation(const core::Uuid& conversation) {
  return owns(&Known::conversations, memberships::owner_of_conversation, conversation);
}

}  // namespace atelier::store::rights
