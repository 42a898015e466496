// SPDX-License-Identifier: PostgreSQL
// guard_flow() and guard_flow_edge(): BEFORE INSERT OR UPDATE on flows and flow_edges. A flow keeps its owner for ever
// and changes its workspace by his hand only; an edge connects nodes of its own flow. forget_flow(): AFTER DELETE on
// flows, each row.
#include "pg/entry.hpp"
#include "store/caller.hpp"
#include "store/flows.hpp"
#include "store/rights.hpp"
#include "trigger/allowed.hpp"

using namespace atelier;
using namespace atelier::trigger;

namespace {

constexpr Oid kUuid = pg::TypeOf<core::Uuid>::scalar;
constexpr Oid kText = pg::TypeOf<std::string>::scalar;

namespace flow {
constinit const pg::Column kId{"id", kUuid};
constinit const pg::Column kUserId{"user_id", kUuid};
constinit const pg::Column kWorkspaceId{"workspace_id", kUuid};
constinit const pg::Column kName{"name", kText};
constinit const pg::Column kDescription{"description", kText};
constinit const pg::Column kUpdatedAt{"updated_at", pg::TypeOf<pg::Timestamp>::scalar};
}  // namespace flow

namespace edge {
constinit const pg::Column kFlowId{"flow_id", kUuid};
constinit const pg::Column kSource{"source_node_id", kUuid};
constinit const pg::Column kTarget{"target_node_id", kUuid};
constinit const pg::Column kSourceHandle{"source_handle", kText};
constinit const pg::Column kTargetHandle{"target_handle", kText};
constinit const pg::Column kEdgeType{"edge_type", kText};
}  // namespace edge

void check_workspace(const pg::TriggerCall& call) {
  const auto workspace = call.new_value<core::Uuid>(flow::kWorkspaceId);
  if (workspace && !store::rights::is_workspace_member(*workspace))
    pg::fail(pg::Code::insufficient_privilege, "a user may not put a flow into this workspace",
             "The user is not one of its members.");
}

void restrict_insert(pg::TriggerCall& call) {
  // Another owner than the caller is refused by the policy.
  const auto& caller = store::caller::identity().sub;
  if (caller && call.new_is_null(flow::kUserId)) call.set(flow::kUserId, pg::Arg::of(*caller));
  check_workspace(call);
}

void restrict_update(const pg::TriggerCall& call) {
  if (!call.changes(flow::kWorkspaceId)) return;
  if (call.old_value<core::Uuid>(flow::kUserId) != store::caller::identity().sub)
    pg::fail(pg::Code::insufficient_privilege, "only the owner of a flow may change its workspace");
  check_workspace(call);
}

}  // namespace

ATELIER_FUNCTION(guard_flow) {
  pg::TriggerCall call(fcinfo, "flows", pg::TriggerTime::before_row);
  if (call.event() == pg::TriggerEvent::insert) {
    allow_insert(call, {"id", "user_id", "name", "description", "viewport_x", "viewport_y", "viewport_zoom",
                        "is_template", "workspace_id", "status"});
    if (call.caller_is_restricted()) restrict_insert(call);
  } else {
    refuse_changes(call, "a flow", {"id", "user_id"});
    call.keep(flow::kUpdatedAt);  // may be sent along
    allow_changes(
        call, "a flow",
        {"name", "description", "viewport_x", "viewport_y", "viewport_zoom", "is_template", "workspace_id", "status"});
    if (call.caller_is_restricted()) restrict_update(call);
  }
  limit_texts(call, {&flow::kName, &flow::kDescription});
  return call.result();
}

ATELIER_FUNCTION(guard_flow_edge) {
  pg::TriggerCall call(fcinfo, "flow_edges", pg::TriggerTime::before_row);
  const bool inserts = call.event() == pg::TriggerEvent::insert;
  if (inserts) {
    allow_insert(call,
                 {"id", "flow_id", "source_node_id", "source_handle", "target_node_id", "target_handle", "edge_type"});
  } else {
    refuse_changes(call, "an edge", {"id", "flow_id"});
    allow_changes(call, "an edge", {"source_node_id", "source_handle", "target_node_id", "target_handle", "edge_type"});
  }
  limit_texts(call, {&edge::kSourceHandle, &edge::kTargetHandle, &edge::kEdgeType}, kKeyLimit);
  const auto flow = call.new_value<core::Uuid>(edge::kFlowId);
  const auto source = call.new_value<core::Uuid>(edge::kSource);
  const auto target = call.new_value<core::Uuid>(edge::kTarget);
  const bool due = inserts || call.changes(edge::kSource) || call.changes(edge::kTarget);
  if (due && flow && source && target && !store::flows::has_nodes(*flow, *source, *target))
    pg::fail(pg::Code::check_violation, "an edge must connect two nodes of its own flow");
  return call.result();
}

ATELIER_FUNCTION(forget_flow) {
  const pg::TriggerCall call(fcinfo, "flows", pg::TriggerTime::after_row);
  if (call.event() == pg::TriggerEvent::remove) store::flows::forget_flow(call.old_required<core::Uuid>(flow::kId));
  return (Datum)0;
}
