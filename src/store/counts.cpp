// SPDX-License-Identifier: PostgreSQL
#include "store/counts.hpp"

#include "pg/spi.hpp"
#include "pg/transaction.hpp"
#include "store/counts_writing.hpp"
#include "store/identity.hpp"

namespace atelier::store::counts {

namespace {

using core::counts::Numbers;

// A line of the table for each slot, and those that were added since they were folded into one.
#define SHOWN                                                                                            \
  "c.generations - c.parts AS shown,"                                                                    \
  " c.generations - c.completed - c.failed - c.cancelled - c.parts_under_way AS under_way, c.favorites," \
  " c.failed - c.parts_failed AS failed"
#define KEPT(CONDITION)                                                                                          \
  "SELECT coalesce(sum(k.shown), 0)::bigint, coalesce(sum(k.under_way), 0)::bigint,"                             \
  "       coalesce(sum(k.favorites), 0)::bigint, coalesce(sum(k.failed), 0)::bigint"                             \
  "  FROM (SELECT " SHOWN " FROM atelier.generation_counts c WHERE " CONDITION "        UNION ALL SELECT " SHOWN \
  " FROM atelier.generation_count_deltas c WHERE " CONDITION ") k"

pg::Statement kept_user(KEPT("c.scope = 1 AND c.user_id = $1"));
pg::Statement kept_workspace(
    KEPT("c.scope = 2 AND c.user_id = '00000000-0000-0000-0000-000000000000' AND c.workspace_id = $1"));
pg::Statement kept_member(KEPT("c.scope = 1 AND c.user_id = $2 AND c.workspace_id = $1"));

#undef KEPT
#undef SHOWN

// In a database that has not been updated yet.
#define COUNTED(CONDITION)                                                                    \
  "SELECT count(*), count(*) FILTER (WHERE g.status IN ('pending', 'queued', 'processing'))," \
  "       count(*) FILTER (WHERE g.is_favorite), count(*) FILTER (WHERE g.status = 'failed')" \
  "  FROM @app@.generations g WHERE NOT g.is_keyframe_segment AND " CONDITION

pg::Statement counted_user(COUNTED("g.user_id = $1"));
pg::Statement counted_workspace(COUNTED("g.workspace_id = $1"));
pg::Statement counted_member(COUNTED("g.workspace_id = $1 AND g.user_id = $2"));

#undef COUNTED

Counts sum(const pg::Rows& rows, const Numbers& own) {
  const pg::Row row = rows[0];
  return {row.get<int64_t>(0) + own.shown(), row.get<int64_t>(1) + own.shown_under_way(),
          row.get<int64_t>(2) + own[core::counts::kFavorites], row.get<int64_t>(3) + own.shown_failed()};
}

}  // namespace

Counts of_user(const core::Uuid& user) {
  const bool kept = identity::has_step("counts");
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  return sum((kept ? kept_user : counted_user).read_only(user), own_changes().of_user(user));
}

Counts of_workspace(const core::Uuid& workspace, const std::optional<core::Uuid>& user) {
  // The id that stands for what is private.
  if (workspace == core::Uuid{}) return {};
  const bool kept = identity::has_step("counts");
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  const Numbers own = own_changes().of_workspace(workspace, user);
  if (user) return sum((kept ? kept_member : counted_member).read_only(workspace, *user), own);
  return sum((kept ? kept_workspace : counted_workspace).read_only(workspace), own);
}

}  // namespace atelier::store::counts
