// SPDX-License-Identifier: PostgreSQL
#include "store/counts.hpp"

#include "pg/spi.hpp"
#include "pg/transaction.hpp"

namespace atelier::store::counts {

namespace {

// Four look-ups, each in the smallest index that answers it. The first repeats the predicate of its index to the
// letter, which lets it be answered from the index alone.
pg::Statement user_statement(R"sql(
  SELECT (SELECT count(*) FROM @app@.generations g
           WHERE g.user_id = $1 AND (g.is_keyframe_segment IS NOT TRUE OR g.is_keyframe_segment IS FALSE)),
         (SELECT count(*) FROM @app@.generations g
           WHERE g.user_id = $1 AND g.status IN ('pending', 'queued', 'processing') AND NOT g.is_keyframe_segment),
         (SELECT count(*) FROM @app@.generations g
           WHERE g.user_id = $1 AND g.is_favorite AND NOT g.is_keyframe_segment),
         (SELECT count(*) FROM @app@.generations g
           WHERE g.user_id = $1 AND g.status = 'failed' AND NOT g.is_keyframe_segment))sql");

#define COUNT_TABS                                                                            \
  "SELECT count(*), count(*) FILTER (WHERE g.status IN ('pending', 'queued', 'processing'))," \
  "       count(*) FILTER (WHERE g.is_favorite), count(*) FILTER (WHERE g.status = 'failed')" \
  "  FROM @app@.generations g WHERE g.workspace_id = $1 AND NOT g.is_keyframe_segment"

pg::Statement workspace_statement(COUNT_TABS);
pg::Statement workspace_user_statement(COUNT_TABS " AND g.user_id = $2");

#undef COUNT_TABS

Counts counts_in(const pg::Rows& rows) {
  const pg::Row row = rows[0];
  return {row.get<int64_t>(0), row.get<int64_t>(1), row.get<int64_t>(2), row.get<int64_t>(3)};
}

}  // namespace

Counts of_user(const core::Uuid& user) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  return counts_in(user_statement.read_only(user));
}

Counts of_workspace(const core::Uuid& workspace, const std::optional<core::Uuid>& user) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  return counts_in(user ? workspace_user_statement.read_only(workspace, *user)
                        : workspace_statement.read_only(workspace));
}

}  // namespace atelier::store::counts
