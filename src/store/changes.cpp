// SPDX-License-Identifier: PostgreSQL
#include "store/changes.hpp"

#include <algorithm>

#include "pg/spi.hpp"
#include "pg/transaction.hpp"
#include "store/change_memory.hpp"
#include "store/identity.hpp"

namespace atelier::store::changes {

namespace {

pg::Statement now_statement(R"sql(
  SELECT pg_current_snapshot()::text, coalesce(pg_current_xact_id_if_assigned()::text::bigint, 0),
         pg_is_in_recovery(), pg_relation_filenode('@app@.generations')::bigint)sql");

#define LIST_COLUMNS                                                                                            \
  "g.id, g.user_id, g.workspace_id, g.action, g.model_id, g.model_name, g.replicate_model, g.status, g.prompt," \
  " g.input_image_url, g.input_video_url, g.settings, g.output_urls, g.output_thumbs, g.output_text,"           \
  " g.error_message, g.is_favorite, g.viewed, g.viewed_at, g.cost_credits, g.cost_usd, g.created_at,"           \
  " g.started_at, g.completed_at, g.processing_time_ms"

// $1 the scope, $2 and $3 the range of transactions, $4 from where on the snapshot shows none, $5 those below that it
// does not show, $6 to $8 the end of the last page, $9 the most rows, $10 the only rows to look at.
// Rows are looked up by their keys one by one: old statistics may promise a scope of few rows, which would then be read
// for each of them.
#define UNSEEN(PLACE)                                                                         \
  " AND changed_in >= $2 AND changed_in < $3 AND (changed_in >= $4 OR changed_in = ANY ($5))" \
  " AND (changed_in, " PLACE ") > ($6, $7, $8)"
#define ROWS(TABLE, SCOPE)                                                                   \
  "(SELECT g.changed_in AS transaction, g.id, true AS is_row FROM " TABLE "  WHERE g." SCOPE \
  " = $1"                                                                                    \
  "    AND NOT g.is_keyframe_segment" UNSEEN("g.id, true") "  ORDER BY g.changed_in, g.id LIMIT $9)"
#define GONE(SCOPE)                                                                           \
  "(SELECT d.changed_in, d.generation_id, false FROM atelier.deleted_generations d"           \
  "  WHERE (SELECT r." SCOPE                                                                  \
  " FROM @app@.generations r"                                                                 \
  "          WHERE r.id = d.generation_id AND NOT r.is_keyframe_segment) IS DISTINCT FROM $1" \
  "    AND d." SCOPE " = $1" UNSEEN("generation_id, false") "  ORDER BY d.changed_in, d.generation_id LIMIT $9)"
#define CHANGES(BRANCHES)                                          \
  "SELECT e.transaction, e.id, e.is_row, CASE WHEN e.is_row THEN"  \
  "       (SELECT row_to_json(r)::text FROM (SELECT " LIST_COLUMNS \
  "          FROM @app@.generations g WHERE g.id = e.id) r) END"   \
  "  FROM (" BRANCHES ") e ORDER BY e.transaction, e.id, e.is_row LIMIT $9"

#define ALL "@app@.generations g"
#define AMONG                                                                                               \
  "pg_catalog.unnest($10) k (id) CROSS JOIN LATERAL (SELECT r.id, r.user_id, r.workspace_id, r.changed_in," \
  "   r.is_keyframe_segment FROM @app@.generations r WHERE r.id = k.id OFFSET 0) g"
#define CHANGES_OF(TABLE, SCOPE) CHANGES(ROWS(TABLE, SCOPE) " UNION ALL " GONE(SCOPE))

pg::Statement user_changes(CHANGES_OF(ALL, "user_id"));
pg::Statement workspace_changes(CHANGES_OF(ALL, "workspace_id"));
pg::Statement user_changes_among(CHANGES_OF(AMONG, "user_id"));
pg::Statement workspace_changes_among(CHANGES_OF(AMONG, "workspace_id"));

#undef CHANGES_OF
#undef AMONG
#undef ALL
#undef CHANGES
#undef GONE
#undef ROWS
#undef UNSEEN

pg::Statement user_newest(
    "SELECT 0::bigint, g.id, true, row_to_json(g)::text FROM (SELECT " LIST_COLUMNS
    "  FROM @app@.generations g"
    " WHERE g.user_id = $1 AND (g.is_keyframe_segment IS NOT TRUE OR g.is_keyframe_segment IS FALSE)"
    " ORDER BY g.created_at DESC LIMIT $2) g");
pg::Statement workspace_newest("SELECT 0::bigint, g.id, true, row_to_json(g)::text FROM (SELECT " LIST_COLUMNS
                               "  FROM @app@.generations g"
                               " WHERE g.workspace_id = $1 AND NOT g.is_keyframe_segment"
                               " ORDER BY g.created_at DESC LIMIT $2) g");

#undef LIST_COLUMNS

pg::Statement active_statement(R"sql(
  SELECT EXISTS (SELECT FROM @app@.generations g
                  WHERE g.user_id = $1 AND g.status IN ('pending', 'queued', 'processing')))sql");

pg::Statement gone_statement(R"sql(
  INSERT INTO atelier.deleted_generations (generation_id, user_id, workspace_id, changed_in)
  VALUES ($1, $2, $3, $4))sql");

// So many rows are looked up one by one.
constexpr size_t kMostKnown = 4096;

std::optional<std::vector<core::Uuid>> known_changes(const Scope& scope, const core::poll::Snapshot& since,
                                                     const Now& now) {
  using Which = core::RecentChanges::Scope;
  // No trigger runs on a standby, and before the update there is none that tells.
  if (now.standby || !identity::has_step("counts")) return std::nullopt;
  return change_memory::find(scope.workspace ? Which::workspace : Which::user, scope.id, since, now.snapshot, now.own,
                             kMostKnown);
}

std::vector<Change> changes_in(const pg::Rows& rows) {
  std::vector<Change> found;
  found.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const pg::Row row = rows[i];
    found.push_back({{static_cast<uint64_t>(row.get<int64_t>(0)), row.get<core::Uuid>(1), row.get<bool>(2)},
                     row.maybe<std::string>(3)});
  }
  return found;
}

}  // namespace

Now now() {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  const pg::Rows rows = now_statement.read_only();
  const pg::Row row = rows[0];
  const auto snapshot = core::poll::parse_snapshot(row.get<std::string>(0));
  if (!snapshot) pg::fail(pg::Code::internal_error, "unexpected form of a snapshot");
  Now now{*snapshot,
          static_cast<uint64_t>(row.get<int64_t>(1)),
          row.get<bool>(2),
          static_cast<uint32_t>(row.get<int64_t>(3)),
          {}};
  if (!now.standby) now.start = change_memory::start();
  return now;
}

std::vector<Change> since(const Scope& scope, const core::poll::Snapshot& since, const core::poll::Position& after,
                          const Now& now, int most) {
  const auto first = static_cast<int64_t>(std::max(since.xmin, after.transaction));
  const auto end = static_cast<int64_t>(std::max(now.snapshot.xmax, now.own + 1));
  // Nobody has written anything since.
  if (first >= end) return {};
  const auto known = known_changes(scope, since, now);
  if (known && known->empty()) return {};
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  const std::vector<int64_t> running(since.running.begin(), since.running.end());
  const auto ask = [&](pg::Statement& statement, const auto&... rest) {
    return changes_in(statement.read_only(scope.id, first, end, static_cast<int64_t>(since.xmax), running,
                                          static_cast<int64_t>(after.transaction), after.id, after.row,
                                          static_cast<int64_t>(most), rest...));
  };
  if (known) return ask(scope.workspace ? workspace_changes_among : user_changes_among, *known);
  return ask(scope.workspace ? workspace_changes : user_changes);
}

std::vector<Change> newest(const Scope& scope, int most) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  return changes_in((scope.workspace ? workspace_newest : user_newest).read_only(scope.id, static_cast<int64_t>(most)));
}

bool has_active(const core::Uuid& user) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  return active_statement.read_only(user)[0].get<bool>(0);
}

void note_changed(const core::Uuid& generation, const core::Uuid& user, const core::Uuid& workspace) {
  change_memory::add(generation, user, workspace);
}

void note_gone(const core::Uuid& generation, const std::optional<core::Uuid>& user,
               const std::optional<core::Uuid>& workspace) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  gone_statement(generation, user, workspace, static_cast<int64_t>(pg::transaction_id()));
  change_memory::add(generation, user.value_or(core::Uuid{}), workspace.value_or(core::Uuid{}));
}

}  // namespace atelier::store::changes
