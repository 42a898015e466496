// SPDX-License-Identifier: PostgreSQL
#include "store/workspaces.hpp"

#include "pg/snapshot.hpp"
#include "pg/spi.hpp"
#include "pg/transaction.hpp"

namespace atelier::store::workspaces {

namespace {

pg::Statement lock_statement(R"sql(SELECT FROM @app@.workspaces w WHERE w.id = $1 FOR NO KEY UPDATE)sql");

pg::Statement other_owner_statement(R"sql(
  SELECT FROM @app@.workspace_members m
   WHERE m.workspace_id = $1 AND m.role = 'owner' AND m.user_id <> $2 LIMIT 1)sql");

pg::Statement user_statement(R"sql(SELECT FROM @app@.users u WHERE u.id = $1)sql");

pg::Statement add_owner_statement(R"sql(
  INSERT INTO @app@.workspace_members (workspace_id, user_id, role) VALUES ($1, $2, 'owner')
      ON CONFLICT (workspace_id, user_id) DO NOTHING)sql");

pg::Statement first_owner_statement(R"sql(
  SELECT m.id, m.joined_at, m.invited_by
    FROM @app@.workspace_members m JOIN @app@.workspaces w ON w.id = m.workspace_id
   WHERE m.workspace_id = $1 AND m.user_id = $2 AND m.role = 'owner' AND w.created_by = $2)sql");

pg::Statement cancel_statement(R"sql(
  UPDATE @app@.generations g SET status = 'cancelled'
   WHERE g.workspace_id = $1 AND g.status IN ('queued', 'processing')
     AND (EXISTS (SELECT FROM atelier.queue q WHERE q.generation_id = g.id)
          OR EXISTS (SELECT FROM atelier.attempts a
                      WHERE a.generation_id = g.id AND a.state IN ('sending', 'running', 'unknown'))))sql");

pg::Statement remove_statement(R"sql(DELETE FROM @app@.workspace_members m WHERE m.id = $1)sql");

pg::Statement role_statement(R"sql(
  SELECT m.role FROM @app@.workspace_members m WHERE m.workspace_id = $1 AND m.user_id = $2)sql");

pg::Statement joined_statement(R"sql(
  SELECT w.id, w.name, w.slug, m.role,
         (SELECT count(*) FROM @app@.workspace_members o WHERE o.workspace_id = w.id)
    FROM @app@.workspace_members m JOIN @app@.workspaces w ON w.id = m.workspace_id
   WHERE m.user_id = $1 AND w.is_active
   ORDER BY m.joined_at, w.id)sql");

}  // namespace

bool lock(const core::Uuid& workspace) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  return !lock_statement(workspace).empty();
}

bool has_other_owner(const core::Uuid& workspace, const core::Uuid& user) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  // A transaction with a fixed snapshot would still count an owner whom another one has removed.
  const pg::LatestSnapshot latest;
  return !other_owner_statement.read_only(workspace, user).empty();
}

bool user_exists(const core::Uuid& user) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  return !user_statement(user).empty();
}

void add_owner(const core::Uuid& workspace, const core::Uuid& user) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  add_owner_statement(workspace, user);
}

std::optional<FirstOwner> first_owner(const core::Uuid& workspace, const core::Uuid& user) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  const pg::Rows rows = first_owner_statement(workspace, user);
  if (rows.empty()) return std::nullopt;
  return FirstOwner{rows[0].get<core::Uuid>(0), rows[0].get<pg::Timestamp>(1), rows[0].maybe<core::Uuid>(2)};
}

void cancel_generations(const core::Uuid& workspace) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  cancel_statement(workspace);
}

void remove_membership(const core::Uuid& membership) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  remove_statement(membership);
}

std::optional<std::string> role(const core::Uuid& workspace, const core::Uuid& user) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  const pg::Rows rows = role_statement.read_only(workspace, user);
  if (rows.empty()) return std::nullopt;
  return rows[0].get<std::string>(0);
}

std::vector<Joined> joined_by(const core::Uuid& user) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  const pg::Rows rows = joined_statement.read_only(user);
  std::vector<Joined> found;
  found.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i)
    found.push_back({rows[i].get<core::Uuid>(0), rows[i].get<std::string>(1), rows[i].get<std::string>(2),
                     rows[i].get<std::string>(3), rows[i].get<int64_t>(4)});
  return found;
}

}  // namespace atelier::store::workspaces
