// SPDX-License-Identifier: PostgreSQL
// guard_flow_member() and guard_flow_invite(): BEFORE INSERT OR UPDATE on flow_members and flow_invites. Which flows a
// user shares is the policies' matter: his own. Here it is decided what he may say in such a row.
#include <algorithm>

#include "core/text.hpp"
#include "pg/entry.hpp"
#include "store/caller.hpp"
#include "store/flows.hpp"
#include "store/memberships.hpp"
#include "trigger/allowed.hpp"

using namespace atelier;
using namespace atelier::trigger;

namespace {

constexpr size_t kLongestAddress = 320;

constexpr Oid kUuid = pg::TypeOf<core::Uuid>::scalar;
constexpr Oid kText = pg::TypeOf<std::string>::scalar;

namespace member {
constinit const pg::Column kFlowId{"flow_id", kUuid};
constinit const pg::Column kUserId{"user_id", kUuid};
constinit const pg::Column kRole{"role", kText};
constinit const pg::Column kInvitedBy{"invited_by", kUuid};
}  // namespace member

namespace invite {
constinit const pg::Column kFlowId{"flow_id", kUuid};
constinit const pg::Column kEmail{"email", kText};
constinit const pg::Column kInvitedBy{"invited_by", kUuid};
constinit const pg::Column kUsedAt{"used_at", pg::TypeOf<pg::Timestamp>::scalar};
}  // namespace invite

void check_role(const pg::TriggerCall& call) {
  if (call.new_value<std::string>(member::kRole) == "owner")
    pg::fail(pg::Code::insufficient_privilege, "a user may not make a member an owner of a flow",
             "Members of a flow are editors or viewers.");
}

void restrict_member(pg::TriggerCall& call) {
  if (const auto& caller = store::caller::identity().sub) call.set(member::kInvitedBy, pg::Arg::of(*caller));
  check_role(call);
  const auto flow_id = call.new_value<core::Uuid>(member::kFlowId);
  if (!flow_id) return;
  const auto flow = store::memberships::flow(*flow_id);
  if (flow && flow->owner == call.new_value<core::Uuid>(member::kUserId))
    pg::fail(pg::Code::insufficient_privilege, "the owner of a flow cannot be a member of it");
}

bool is_address(const std::string& text) {
  const size_t at = text.find('@');
  return at != std::string::npos && at > 0 && at + 1 < text.size() && text.find('@', at + 1) == std::string::npos &&
         text.size() <= kLongestAddress && text.find(' ') == std::string::npos &&
         !core::text::has_control_characters(text);
}

void tidy_email(pg::TriggerCall& call) {
  const auto email = call.new_value<std::string>(invite::kEmail);
  if (!email) return;
  const std::string tidy = pg::lower(core::text::trim(*email));
  if (!is_address(tidy))
    pg::fail(pg::Code::invalid_parameter_value, "value for column \"email\" is not an e-mail address");
  if (tidy != *email) call.set(invite::kEmail, pg::Arg::of(tidy));
}

void refuse_second(const pg::TriggerCall& call) {
  const auto flow = call.new_value<core::Uuid>(invite::kFlowId);
  const auto email = call.new_value<std::string>(invite::kEmail);
  if (!flow || !email || !call.new_is_null(invite::kUsedAt)) return;
  store::flows::lock_invitations(*flow, *email);
  if (store::flows::belongs(*flow, *email))
    pg::fail(pg::Code::unique_violation, "this person is already a member of the flow");
  if (store::flows::is_invited(*flow, *email))
    pg::fail(pg::Code::unique_violation, "this person is already invited to the flow",
             "The invitation is neither used nor expired.", "Delete it before inviting again.");
}

}  // namespace

ATELIER_FUNCTION(guard_flow_member) {
  pg::TriggerCall call(fcinfo, "flow_members", pg::TriggerTime::before_row);
  if (call.event() == pg::TriggerEvent::insert) {
    allow_insert(call, {"id", "flow_id", "user_id", "role"});
    if (call.caller_is_restricted()) restrict_member(call);
    return call.result();
  }
  refuse_changes(call, "a member of a flow", {"id", "flow_id", "user_id"});
  allow_changes(call, "a member of a flow", {"role"});
  if (call.caller_is_restricted() && call.changes(member::kRole)) check_role(call);
  return call.result();
}

ATELIER_FUNCTION(guard_flow_invite) {
  pg::TriggerCall call(fcinfo, "flow_invites", pg::TriggerTime::before_row);
  if (call.event() == pg::TriggerEvent::insert) {
    // The token, when it ends and whether it was used are not the user's to say.
    allow_insert(call, {"id", "flow_id", "email", "role", "invited_by"});
    if (call.caller_is_restricted()) {
      const auto& caller = store::caller::identity().sub;
      // Another inviter than the caller is refused by the policy.
      if (caller && call.new_is_null(invite::kInvitedBy)) call.set(invite::kInvitedBy, pg::Arg::of(*caller));
    }
    tidy_email(call);
    refuse_second(call);
    return call.result();
  }
  refuse_changes(call, "an invitation", {"id", "flow_id"});
  allow_changes(call, "an invitation", {});
  if (call.changes(invite::kEmail)) tidy_email(call);
  return call.result();
}
