// SPDX-License-Identifier: PostgreSQL
// guard_flow_comment(): BEFORE INSERT OR UPDATE on flow_comments. A comment stays where it was written and says what
// its author wrote; its readers only add themselves to read_by. Since each writer sends the whole list, the trigger
// merges it with the row as it is now, so that two readers at once do not lose each other.
#include <algorithm>
#include <vector>

#include "pg/entry.hpp"
#include "store/caller.hpp"
#include "store/flows.hpp"
#include "store/memberships.hpp"
#include "trigger/allowed.hpp"

using namespace atelier;
using namespace atelier::trigger;

namespace {

using Readers = std::vector<core::Uuid>;

constexpr Oid kUuid = pg::TypeOf<core::Uuid>::scalar;
constexpr Oid kText = pg::TypeOf<std::string>::scalar;

constinit const pg::Column kFlowId{"flow_id", kUuid};
constinit const pg::Column kNodeId{"node_id", kText};
constinit const pg::Column kParentId{"parent_id", kUuid};
constinit const pg::Column kUserId{"user_id", kUuid};
constinit const pg::Column kContent{"content", kText};
constinit const pg::Column kPositionX{"position_x", pg::TypeOf<double>::scalar};
constinit const pg::Column kPositionY{"position_y", pg::TypeOf<double>::scalar};
constinit const pg::Column kIsResolved{"is_resolved", pg::TypeOf<bool>::scalar};
constinit const pg::Column kUpdatedAt{"updated_at", pg::TypeOf<pg::Timestamp>::scalar};
constinit const pg::Column kReadBy{"read_by", pg::TypeOf<core::Uuid>::array};

Readers readers(const std::optional<Datum>& array) {
  Readers found;
  if (!array) return found;
  for (const Datum element : pg::array_elements(*array, kUuid)) found.push_back(pg::to_cpp<core::Uuid>(element));
  return found;
}

bool contains(const Readers& list, const core::Uuid& user) {
  return std::find(list.begin(), list.end(), user) != list.end();
}

void add(Readers& list, const std::optional<core::Uuid>& user) {
  if (user && !contains(list, *user)) list.push_back(*user);
}

void check_parent(const pg::TriggerCall& call) {
  const auto parent = call.new_value<core::Uuid>(kParentId);
  if (!parent) return;
  const auto flow = store::flows::flow_of_comment(*parent);
  if (flow && flow != call.new_value<core::Uuid>(kFlowId))
    pg::fail(pg::Code::check_violation, "a comment must answer a comment on the same flow");
}

void guard_insert(pg::TriggerCall& call) {
  allow_insert(call, {"id", "flow_id", "node_id", "parent_id", "user_id", "content", "position_x", "position_y"});
  Readers read_by;
  if (call.caller_is_restricted()) {
    // Another author than the caller is refused by the policy.
    const auto& caller = store::caller::identity().sub;
    if (caller && call.new_is_null(kUserId)) call.set(kUserId, pg::Arg::of(*caller));
  } else {
    read_by = readers(call.new_datum(kReadBy));
  }
  add(read_by, call.new_value<core::Uuid>(kUserId));
  call.set(kReadBy, pg::Arg::of(read_by));
  check_parent(call);
}

bool is_by(const pg::TriggerCall& call, const core::Uuid& user) { return call.old_value<core::Uuid>(kUserId) == user; }

bool owns_flow(const pg::TriggerCall& call, const core::Uuid& user) {
  const auto flow = store::memberships::flow(call.old_required<core::Uuid>(kFlowId));
  return flow && flow->owner == user;
}

// Every list that was sent is an old one with somebody added.
void merge_readers(pg::TriggerCall& call, const std::optional<core::Uuid>& only) {
  Readers merged = readers(call.old_datum(kReadBy));
  for (const core::Uuid& user : readers(call.new_datum(kReadBy))) {
    if (only && user != only && !contains(merged, user))
      pg::fail(pg::Code::insufficient_privilege, "a user may mark a comment as read only for himself");
    add(merged, user);
  }
  call.set(kReadBy, pg::Arg::of(merged));
}

void restrict_update(pg::TriggerCall& call, const core::Uuid& caller) {
  call.keep(kUpdatedAt);  // may be sent along
  allow_changes(call, "a comment", {"content", "position_x", "position_y", "is_resolved", "read_by"});
  const bool rewritten = call.changes(kContent) || call.changes(kPositionX) || call.changes(kPositionY);
  if (rewritten && !is_by(call, caller))
    pg::fail(pg::Code::insufficient_privilege, "only the author of a comment may change it");
  if (call.changes(kIsResolved) && !is_by(call, caller) && !owns_flow(call, caller))
    pg::fail(pg::Code::insufficient_privilege, "only the author of a comment and the owner of its flow may resolve it");
}

}  // namespace

ATELIER_FUNCTION(guard_flow_comment) {
  pg::TriggerCall call(fcinfo, "flow_comments", pg::TriggerTime::before_row);
  if (call.event() == pg::TriggerEvent::insert) {
    guard_insert(call);
  } else {
    refuse_changes(call, "a comment", {"id", "flow_id", "node_id", "parent_id", "user_id"});
    const std::optional<core::Uuid> caller = store::caller::identity().sub;
    const bool restricted = call.caller_is_restricted();
    if (restricted && caller) restrict_update(call, *caller);
    if (call.changes(kReadBy)) merge_readers(call, restricted ? caller : std::nullopt);
  }
  limit_texts(call, {&kContent});
  limit_texts(call, {&kNodeId}, kKeyLimit);
  return call.result();
}
