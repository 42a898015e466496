// SPDX-License-Identifier: PostgreSQL
// The functions that policies call with the id of a workspace, flow, LoRA or chat.
#include "store/rights.hpp"
#include "pg/entry.hpp"

using namespace atelier;

namespace {

Datum answer(FunctionCallInfo fcinfo, bool (*question)(const core::Uuid&)) {
  return pg::to_datum(question(pg::to_cpp<core::Uuid>(PG_GETARG_DATUM(0))));
}

}  // namespace

// is_active_user(), is_admin(), is_super_admin(): of the signed-in user. For authenticated and service_role.
ATELIER_FUNCTION(is_active_user) { return pg::to_datum(store::rights::is_active_user()); }
ATELIER_FUNCTION(is_admin) { return pg::to_datum(store::rights::is_admin()); }
ATELIER_FUNCTION(is_super_admin) { return pg::to_datum(store::rights::is_super_admin()); }

// Each says whether the signed-in user has that right; false for what does not exist. For authenticated and
// service_role.
ATELIER_FUNCTION(is_workspace_member) { return answer(fcinfo, store::rights::is_workspace_member); }
ATELIER_FUNCTION(manages_workspace) { return answer(fcinfo, store::rights::manages_workspace); }
ATELIER_FUNCTION(owns_workspace) { return answer(fcinfo, store::rights::owns_workspace); }
ATELIER_FUNCTION(can_see_flow) { return answer(fcinfo, store::rights::can_see_flow); }
ATELIER_FUNCTION(can_edit_flow) { return answer(fcinfo, store::rights::can_edit_flow); }
ATELIER_FUNCTION(owns_flow) { return answer(fcinfo, store::rights::owns_flow); }
ATELIER_FUNCTION(is_flow_member) { return answer(fcinfo, store::rights::is_flow_member); }
ATELIER_FUNCTION(owns_lora) { return answer(fcinfo, store::rights::owns_lora); }
ATELIER_FUNCTION(owns_conversation) { return answer(fcinfo, store::rights::owns_conversation); }
