// SPDX-License-Identifier: PostgreSQL
// guard_workspace_member(): BEFORE INSERT OR UPDATE OR DELETE on workspace_members. A workspace keeps its last owner,
// whoever writes; a membership stays with its workspace and user; only an owner or a super_admin makes or removes
// owners.
#include <optional>
#include <string>

#include "pg/entry.hpp"
#include "pg/trigger.hpp"
#include "store/caller.hpp"
#include "store/rights.hpp"
#include "store/workspaces.hpp"
#include "trigger/allowed.hpp"

using namespace atelier;
using namespace atelier::trigger;

namespace {

constexpr const char* kTable = "workspace_members";
constexpr const char* kOwner = "owner";

constexpr Oid kText = pg::TypeOf<std::string>::scalar;
constexpr Oid kUuid = pg::TypeOf<core::Uuid>::scalar;
constinit const pg::Column kId{"id", kUuid};
constinit const pg::Column kWorkspaceId{"workspace_id", kUuid};
constinit const pg::Column kUserId{"user_id", kUuid};
constinit const pg::Column kRole{"role", kText};
constinit const pg::Column kJoinedAt{"joined_at", pg::TypeOf<pg::Timestamp>::scalar};
constinit const pg::Column kInvitedBy{"invited_by", kUuid};

// The membership that put_first_owner_again() is about to write anew.
class Replaced {
 public:
  explicit Replaced(const core::Uuid& membership) { current_ = &membership; }
  ~Replaced() { current_ = nullptr; }
  Replaced(const Replaced&) = delete;
  Replaced& operator=(const Replaced&) = delete;

  static bool is(const core::Uuid& membership) { return current_ != nullptr && *current_ == membership; }

 private:
  static constinit const core::Uuid* current_;
};
constinit const core::Uuid* Replaced::current_ = nullptr;

bool may_make_owners(const core::Uuid& workspace) {
  return store::rights::owns_workspace(workspace) || store::rights::is_super_admin();
}

void check_owner_change(const core::Uuid& workspace) {
  if (may_make_owners(workspace)) return;
  pg::fail(pg::Code::insufficient_privilege, "a user may not make, demote or remove an owner of this workspace",
           "Its owners and super_admins may.");
}

// For a change that takes an owner away. A workspace that is being deleted needs none, and a user who is being deleted
// can be none.
void keep_last_owner(const pg::TriggerCall& call) {
  const core::Uuid workspace = call.old_required<core::Uuid>(kWorkspaceId);
  const core::Uuid user = call.old_required<core::Uuid>(kUserId);
  if (!store::workspaces::lock(workspace)) return;
  if (store::workspaces::has_other_owner(workspace, user)) return;
  if (call.event() == pg::TriggerEvent::remove && !store::workspaces::user_exists(user)) return;
  pg::fail(pg::Code::check_violation, "a workspace keeps its last owner",
           "User " + core::to_string(user) + " is the only owner of workspace " + core::to_string(workspace) + ".",
           "Make another member an owner first, or delete the workspace.");
}

// Whoever made a workspace is its owner already when the app inserts that membership. It has to get the row back from
// RETURNING, so the row is taken out and goes in again as it was.
void put_first_owner_again(pg::TriggerCall& call) {
  const auto workspace = call.new_value<core::Uuid>(kWorkspaceId);
  const auto user = call.new_value<core::Uuid>(kUserId);
  if (!workspace || !user || call.new_value<std::string>(kRole) != kOwner) return;
  if (!store::workspaces::lock(*workspace)) return;
  const auto first = store::workspaces::first_owner(*workspace, *user);
  if (!first) return;
  const Replaced replaced(first->membership);
  store::workspaces::remove_membership(first->membership);
  call.set(kId, pg::Arg::of(first->membership));
  call.set(kJoinedAt, pg::Arg::of(first->joined_at));
  call.set(kInvitedBy, pg::Arg::of(first->invited_by));
}

void guard_insert(pg::TriggerCall& call) {
  allow_insert(call, {"id", "workspace_id", "user_id", "role"});
  if (call.caller_is_restricted()) {
    call.set(kInvitedBy, pg::Arg::of(store::caller::identity().sub));
    if (const auto workspace = call.new_value<core::Uuid>(kWorkspaceId);
        workspace && call.new_value<std::string>(kRole) == kOwner)
      check_owner_change(*workspace);
  }
  put_first_owner_again(call);
}

void guard_update(const pg::TriggerCall& call) {
  allow_changes(call, "a membership", {"role"});
  if (call.changes(kWorkspaceId) || call.changes(kUserId))
    pg::fail(pg::Code::check_violation, "a membership stays with its workspace and its user", {},
             "Delete it and insert another one.");
  if (!call.changes(kRole)) return;
  if (call.caller_is_restricted()) check_owner_change(call.old_required<core::Uuid>(kWorkspaceId));
  if (call.old_value<std::string>(kRole) == kOwner) keep_last_owner(call);
}

void guard_delete(const pg::TriggerCall& call) {
  if (call.old_value<std::string>(kRole) != kOwner) return;
  if (Replaced::is(call.old_required<core::Uuid>(kId))) return;
  const auto user = call.old_value<core::Uuid>(kUserId);
  if (call.caller_is_restricted() && user != store::caller::identity().sub)
    check_owner_change(call.old_required<core::Uuid>(kWorkspaceId));
  keep_last_owner(call);
}

}  // namespace

ATELIER_FUNCTION(guard_workspace_member) {
  pg::TriggerCall call(fcinfo, kTable, pg::TriggerTime::before_row);
  switch (call.event()) {
    case pg::TriggerEvent::insert:
      guard_insert(call);
      break;
    case pg::TriggerEvent::update:
      guard_update(call);
      break;
    case pg::TriggerEvent::remove:
      guard_delete(call);
      break;
    case pg::TriggerEvent::truncate:
      break;
  }
  return call.result();
}
