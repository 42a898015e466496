// SPDX-License-Identifier: PostgreSQL
// What the signed-in user may do, for policies, triggers, and functions that check their caller. Answers are kept for
// one caller and one snapshot, so that a query asks the tables once and never gets an answer that was meant for another
// user or from before a change. A statement does not see memberships that it inserts itself. Nobody and a deactivated
// user have no rights at all.
#pragma once

#include "store/uuid.hpp"

namespace atelier::store::rights {

bool is_active_user();
// Global roles: admin counts super_admin in.
bool is_admin();
bool is_super_admin();

bool is_workspace_member(const core::Uuid& workspace);
bool manages_workspace(const core::Uuid& workspace);  // as owner or admin
bool owns_workspace(const core::Uuid& workspace);

// Rights in a flow, each including the ones before it: viewers see; editors, and the members of the flow's workspace,
// change; its owner owns.
bool can_see_flow(const core::Uuid& flow);
bool can_edit_flow(const core::Uuid& flow);
bool owns_flow(const core::Uuid& flow);
bool is_flow_member(const core::Uuid& flow);  // has accepted an invitation

bool owns_lora(const core::Uuid& lora);
bool owns_conversation(const core::Uuid& conversation);

}  // namespace atelier::store::rights
