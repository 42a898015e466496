// SPDX-License-Identifier: PostgreSQL
// count_generation(): AFTER INSERT, UPDATE and DELETE on generations, each row, and clear_counts(): AFTER TRUNCATE.
// They tell store/counts what has changed in the kept numbers, and store/changes, for those who poll, that a row has
// changed: a trigger of its own would take longer than what it does. An update that changes no kept number costs a
// comparison.
#include <limits>

#include "pg/entry.hpp"
#include "store/changes.hpp"
#include "store/counts.hpp"
#include "trigger/generation.hpp"

extern "C" {
#include "utils/rel.h"
}

using namespace atelier;
using namespace atelier::trigger;
namespace column = generation::column;

namespace {

constexpr int64_t kHourUs = 3'600'000'000;
// Hours are kept for windows of a day.
constexpr int64_t kKeptUs = 7 * 24 * kHourUs;

core::counts::Row row_of(const pg::TriggerCall& call, bool old) {
  const auto datum = [&](const pg::Column& place) { return old ? call.old_datum(place) : call.new_datum(place); };
  core::counts::Row row;
  row.user = old ? call.old_required<core::Uuid>(column::kUserId) : call.new_required<core::Uuid>(column::kUserId);
  if (const auto workspace = datum(column::kWorkspaceId)) row.workspace = pg::to_cpp<core::Uuid>(*workspace);
  row.status = old ? generation::old_status(call) : generation::new_status(call);
  if (const auto part = datum(column::kIsKeyframeSegment)) row.part_of_film = pg::to_cpp<bool>(*part);
  if (const auto favorite = datum(column::kIsFavorite)) row.favorite = pg::to_cpp<bool>(*favorite);
  if (const auto cost = datum(column::kCostUsd)) row.cost_micros = pg::numeric_micros(*cost);
  if (const auto credits = datum(column::kCostCredits)) row.credits = pg::to_cpp<int32_t>(*credits);
  if (const auto time = datum(column::kProcessingTimeMs)) row.time_ms = pg::to_cpp<int32_t>(*time);
  if (const auto created = datum(column::kCreatedAt)) {
    // Times without an end are farther away than any hour that can be computed.
    const bool endless = pg::is_endless(*created);
    const int64_t us = endless ? std::numeric_limits<int64_t>::max() : pg::to_cpp<pg::Timestamp>(*created).us;
    if (us >= pg::transaction_start().us - kKeptUs) row.hour = core::counts::hour_of(us);
  }
  return row;
}

// Lists show no parts of films.
void tell_who_polls(const pg::TriggerCall& call, const core::counts::Row& row) {
  if (!row.part_of_film)
    store::changes::note_changed(call.new_required<core::Uuid>(column::kId), row.user, row.workspace);
}

}  // namespace

ATELIER_FUNCTION(count_generation) {
  const pg::TriggerCall call(fcinfo, generation::kTable, pg::TriggerTime::after_row);
  const Oid table = RelationGetRelid(call.relation());
  switch (call.event()) {
    case pg::TriggerEvent::insert: {
      const core::counts::Row row = row_of(call, false);
      tell_who_polls(call, row);
      store::counts::note(table, row, 1);
      break;
    }
    case pg::TriggerEvent::update: {
      const core::counts::Row before = row_of(call, true);
      const core::counts::Row after = row_of(call, false);
      tell_who_polls(call, after);
      if (before == after) break;
      store::counts::note(table, before, -1);
      store::counts::note(table, after, 1);
      break;
    }
    case pg::TriggerEvent::remove:
      store::counts::note(table, row_of(call, true), -1);
      break;
    case pg::TriggerEvent::truncate:
      break;
  }
  return (Datum)0;
}

ATELIER_FUNCTION(clear_counts) {
  const pg::TriggerCall call(fcinfo, generation::kTable, pg::TriggerTime::after_statement);
  if (call.event() == pg::TriggerEvent::truncate) store::counts::note_truncated();
  return (Datum)0;
}
