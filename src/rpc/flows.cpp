// SPDX-License-Identifier: PostgreSQL
// Flows for the app: accepting and previewing invitations, and the status of a card on the board.
#include "store/flows.hpp"
#include "pg/entry.hpp"
#include "pg/result_set.hpp"
#include "rpc/arguments.hpp"
#include "store/caller.hpp"
#include "store/identity.hpp"
#include "store/rights.hpp"

using namespace atelier;

namespace {

// The answers are read by the app, word for word. A json value is stored like a text.
Datum json_result(const std::string& json) { return pg::to_datum(std::string_view(json)); }

Datum failure(const char* why) { return json_result(std::string(R"({"error": ")") + why + R"("})"); }

}  // namespace

// accept_flow_invite(invite_token): makes the caller a member of the flow that somebody invited his e-mail address to.
// For authenticated; whoever is not signed in or not active gets "Unauthorized", everybody but the invited person the
// same answer as for a token that does not exist.
ATELIER_FUNCTION(accept_flow_invite) {
  store::identity::use_app_schema();
  if (!store::rights::is_active_user()) return failure("Unauthorized");
  const core::Uuid user = *store::caller::identity().sub;
  const auto token = rpc::argument<std::string>(fcinfo, 0);
  const auto accepted = token ? store::flows::accept_invitation(*token, user) : std::nullopt;
  if (!accepted) return failure("Invalid or expired invite");
  return json_result(R"({"success": true, "flow_id": ")" + core::to_string(accepted->flow) + R"(", "member_id": ")" +
                     core::to_string(accepted->member) + R"("})");
}

// get_flow_invite(invite_token): the invitation as the invited person may see it before accepting, or no row. For
// authenticated.
ATELIER_FUNCTION(get_flow_invite) {
  pg::ResultSet result(fcinfo);
  store::identity::use_app_schema();
  if (!store::rights::is_active_user()) return (Datum)0;
  const core::Uuid user = *store::caller::identity().sub;
  if (const auto seen = store::flows::preview_invitation(pg::to_cpp<std::string>(PG_GETARG_DATUM(0)), user))
    result.add({pg::Arg::of(seen->flow), pg::Arg::of(seen->name), pg::Arg::of(seen->role),
                pg::Arg::of(seen->expires_at), pg::Arg::of(seen->invited_by)});
  return (Datum)0;
}

// update_flow_status(flow_uuid, new_status): with the caller's own rights. Raises 42501 for whoever may not edit the
// flow. For authenticated and service_role.
ATELIER_FUNCTION(update_flow_status) {
  const auto flow = rpc::argument<core::Uuid>(fcinfo, 0);
  const auto status = rpc::argument<std::string>(fcinfo, 1);
  if (!flow || !status) pg::fail(pg::Code::invalid_parameter_value, "flow_uuid and new_status must not be null");
  store::identity::use_app_schema();
  if (!store::flows::set_status(*flow, *status))
    pg::fail(pg::Code::insufficient_privilege, "permission denied for this flow",
             "It does not exist, or the caller may not edit it.");
  return (Datum)0;
}
