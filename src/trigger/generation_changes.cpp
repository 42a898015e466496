// SPDX-License-Identifier: PostgreSQL
// note_gone(): AFTER DELETE OR UPDATE on generations, each row that is deleted, changes its user or workspace, or
// becomes a part of a film, which no list shows. Whoever polls there learns that it is gone. What changes in rows that
// stay is marked by the guard trigger and told by count_generation().
#include "pg/entry.hpp"
#include "store/changes.hpp"
#include "trigger/generation.hpp"

using namespace atelier;
using namespace atelier::trigger;
namespace column = generation::column;

namespace {

using Id = std::optional<core::Uuid>;

void follow_move(const pg::TriggerCall& call) {
  const Id user = call.old_value<core::Uuid>(column::kUserId);
  const Id workspace = call.old_value<core::Uuid>(column::kWorkspaceId);
  const bool hidden = call.new_value<bool>(column::kIsKeyframeSegment).value_or(false);
  const Id left_user = hidden || user != call.new_value<core::Uuid>(column::kUserId) ? user : std::nullopt;
  const Id left_workspace =
      hidden || workspace != call.new_value<core::Uuid>(column::kWorkspaceId) ? workspace : std::nullopt;
  if (left_user || left_workspace)
    store::changes::note_gone(call.old_required<core::Uuid>(column::kId), left_user, left_workspace);
}

}  // namespace

ATELIER_FUNCTION(note_gone) {
  const pg::TriggerCall call(fcinfo, generation::kTable, pg::TriggerTime::after_row);
  if (call.event() == pg::TriggerEvent::update) {
    follow_move(call);
  } else if (call.event() == pg::TriggerEvent::remove) {
    store::changes::note_gone(call.old_required<core::Uuid>(column::kId), call.old_value<core::Uuid>(column::kUserId),
                              call.old_value<core::Uuid>(column::kWorkspaceId));
  }
  return (Datum)0;
}
