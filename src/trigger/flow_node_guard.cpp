// SPDX-License-Identifier: PostgreSQL
// The triggers on flow_nodes. guard_flow_node() is BEFORE INSERT OR UPDATE, remember_flow_node() AFTER DELETE for each
// row, forget_flow_nodes() AFTER DELETE for the statement.
//
// The app saves a flow by deleting all of its nodes and inserting them again, in two requests, without what it does not
// know: the generation, the error, the size, the author. So a node that has such things is remembered for its flow when
// it is deleted, and gets them back when a node with the same id comes into the same flow.
#include "pg/entry.hpp"
#include "store/caller.hpp"
#include "store/flows.hpp"
#include "store/rights.hpp"
#include "trigger/allowed.hpp"

using namespace atelier;
using namespace atelier::trigger;

namespace {

constexpr const char* kTable = "flow_nodes";
constexpr const char* kIdle = "idle";
constexpr const char* kCompleted = "completed";

constexpr Oid kUuid = pg::TypeOf<core::Uuid>::scalar;
constexpr Oid kText = pg::TypeOf<std::string>::scalar;
constexpr Oid kDouble = pg::TypeOf<double>::scalar;

constinit const pg::Column kId{"id", kUuid};
constinit const pg::Column kFlowId{"flow_id", kUuid};
constinit const pg::Column kWidth{"width", kDouble};
constinit const pg::Column kHeight{"height", kDouble};
constinit const pg::Column kData{"data", pg::TypeOf<pg::Jsonb>::scalar};
constinit const pg::Column kModelId{"model_id", kText};
constinit const pg::Column kOutputUrl{"output_url", kText};
constinit const pg::Column kOutputType{"output_type", kText};
constinit const pg::Column kStatus{"status", kText};
constinit const pg::Column kErrorMessage{"error_message", kText};
constinit const pg::Column kGenerationId{"generation_id", kUuid};
constinit const pg::Column kCreatedBy{"created_by", kUuid};
constinit const pg::Column kCreatedByEmail{"created_by_email", kText};
constinit const pg::Column kUpdatedAt{"updated_at", pg::TypeOf<pg::Timestamp>::scalar};

void check_limits(const pg::TriggerCall& call, bool restricted) {
  limit_json(call, {&kData}, flow_node_limit());
  limit_texts(call, {&kModelId});
  // What the provider returns may be a long text and is not limited here.
  if (restricted) limit_texts(call, {&kOutputUrl, &kErrorMessage});
}

void check_generation(const pg::TriggerCall& call) {
  const auto generation = call.new_value<core::Uuid>(kGenerationId);
  if (!generation) return;
  const auto place = store::flows::generation_place(*generation);
  const bool visible = place && (place->owner == store::caller::identity().sub ||
                                 (place->workspace && store::rights::is_workspace_member(*place->workspace)) ||
                                 store::rights::is_super_admin());
  if (!visible)
    pg::fail(pg::Code::insufficient_privilege, "a user may not use this generation in a flow",
             "It does not exist, or the user may not see it.");
}

// Gives a node that waits for its generation what became of that meanwhile: while the node was deleted, nobody could
// write it there.
void catch_up(pg::TriggerCall& call) {
  const auto status = call.new_value<std::string>(kStatus);
  if (status != "pending" && status != "processing" && status != "running") return;
  const auto generation = call.new_value<core::Uuid>(kGenerationId);
  if (!generation) return;
  const auto result = store::flows::generation_result(*generation);
  if (!result || !result->ended) return;
  call.set(kStatus, pg::Arg::of(result->status));
  if (result->error_message) {
    call.set(kErrorMessage, pg::Arg::of(*result->error_message));
  } else if (result->status == kCompleted) {
    call.set_null(kErrorMessage);
  }
  if (!result->output) return;
  call.set(kOutputUrl, pg::Arg::of(*result->output));
  call.set(kOutputType, pg::Arg::of(result->output_type));
}

template <typename T>
void fill(pg::TriggerCall& call, const pg::Column& column, const std::optional<T>& value) {
  if (value && call.new_is_null(column)) call.set(column, pg::Arg::of(*value));
}

void restore(pg::TriggerCall& call, const store::flows::KeptNode& kept) {
  if (call.new_value<std::string>(kStatus) == kIdle) call.set(kStatus, pg::Arg::of(kept.status));
  // An error belongs to its status.
  if (call.new_value<std::string>(kStatus) == kept.status) fill(call, kErrorMessage, kept.error_message);
  fill(call, kGenerationId, kept.generation);
  fill(call, kWidth, kept.width);
  fill(call, kHeight, kept.height);
  fill(call, kCreatedBy, kept.created_by);
  fill(call, kCreatedByEmail, kept.created_by_email);
}

void guard_insert(pg::TriggerCall& call, bool restricted) {
  allow_insert(call, {"id", "flow_id", "block_type", "position_x", "position_y", "width", "height", "data", "model_id",
                      "output_url", "output_type", "status", "error_message", "generation_id"});
  if (restricted) check_generation(call);
  const auto flow = call.new_value<core::Uuid>(kFlowId);
  const auto node = call.new_value<core::Uuid>(kId);
  if (flow && node)
    if (const auto kept = store::flows::recall_node(*flow, *node)) restore(call, *kept);
  const auto& caller = store::caller::identity().sub;
  if (restricted) fill(call, kCreatedBy, caller);
  catch_up(call);
}

void guard_update(pg::TriggerCall& call, bool restricted) {
  refuse_changes(call, "a node", {"id", "flow_id"});
  call.keep(kUpdatedAt);  // may be sent along
  allow_changes(call, "a node",
                {"block_type", "position_x", "position_y", "width", "height", "data", "model_id", "output_url",
                 "output_type", "status", "error_message", "generation_id"});
  if (!call.changes(kGenerationId)) return;
  if (restricted) check_generation(call);
  catch_up(call);
}

}  // namespace

ATELIER_FUNCTION(guard_flow_node) {
  pg::TriggerCall call(fcinfo, kTable, pg::TriggerTime::before_row);
  const bool restricted = call.caller_is_restricted();
  if (call.event() == pg::TriggerEvent::insert) {
    guard_insert(call, restricted);
  } else {
    guard_update(call, restricted);
  }
  check_limits(call, restricted);
  return call.result();
}

ATELIER_FUNCTION(remember_flow_node) {
  pg::TriggerCall call(fcinfo, kTable, pg::TriggerTime::after_row);
  store::flows::KeptNode kept;
  kept.generation = call.old_value<core::Uuid>(kGenerationId);
  kept.status = call.old_value<std::string>(kStatus).value_or(kIdle);
  kept.error_message = call.old_value<std::string>(kErrorMessage);
  kept.width = call.old_value<double>(kWidth);
  kept.height = call.old_value<double>(kHeight);
  kept.created_by = call.old_value<core::Uuid>(kCreatedBy);
  kept.created_by_email = call.old_value<std::string>(kCreatedByEmail);
  // Whoever saves his own plain node again becomes its author again anyway.
  const bool by_another = kept.created_by && kept.created_by != store::caller::identity().sub;
  if (kept.generation || kept.status != kIdle || kept.error_message || kept.width || kept.height || by_another)
    store::flows::remember_node(call.old_required<core::Uuid>(kFlowId), call.old_required<core::Uuid>(kId), kept);
  return call.result();
}

ATELIER_FUNCTION(forget_flow_nodes) {
  const pg::TriggerCall call(fcinfo, kTable, pg::TriggerTime::after_statement);
  store::flows::forget_old_nodes();
  return (Datum)0;
}
