// SPDX-License-Identifier: PostgreSQL
#include "store/flows.hpp"

#include "pg/named_lock.hpp"
#include "pg/spi.hpp"
#include "pg/transaction.hpp"

namespace atelier::store::flows {

namespace {

// Flows that are being deleted take their nodes along; nothing of those will be asked for.
pg::Statement remember_statement(R"sql(
  INSERT INTO atelier.flow_node_memory AS m
    (flow_id, node_id, generation_id, status, error_message, width, height, created_by, created_by_email, deleted_at)
  SELECT f.id, $2, $3, $4, $5, $6, $7, $8, $9, clock_timestamp() FROM @app@.flows f WHERE f.id = $1
  ON CONFLICT (flow_id, node_id) DO UPDATE
    SET generation_id = EXCLUDED.generation_id, status = EXCLUDED.status, error_message = EXCLUDED.error_message,
        width = EXCLUDED.width, height = EXCLUDED.height, created_by = EXCLUDED.created_by,
        created_by_email = EXCLUDED.created_by_email, deleted_at = EXCLUDED.deleted_at)sql");

pg::Statement recall_statement(R"sql(
  DELETE FROM atelier.flow_node_memory m
   WHERE m.flow_id = $1 AND m.node_id = $2 AND m.deleted_at > now() - interval '1 day'
  RETURNING (SELECT g.id FROM @app@.generations g WHERE g.id = m.generation_id), m.status, m.error_message, m.width,
            m.height, (SELECT u.id FROM @app@.users u WHERE u.id = m.created_by), m.created_by_email)sql");

pg::Statement forget_statement(R"sql(
  DELETE FROM atelier.flow_node_memory m
   USING (SELECT o.flow_id, o.node_id FROM atelier.flow_node_memory o
           WHERE o.deleted_at < now() - interval '1 day' ORDER BY o.deleted_at LIMIT 1000 FOR UPDATE SKIP LOCKED) old
   WHERE m.flow_id = old.flow_id AND m.node_id = old.node_id)sql");

pg::Statement forget_flow_statement(R"sql(DELETE FROM atelier.flow_node_memory WHERE flow_id = $1)sql");

pg::Statement place_statement(R"sql(SELECT g.user_id, g.workspace_id FROM @app@.generations g WHERE g.id = $1)sql");

// What a node shows of its generation g. Nodes know no cancelled.
#define ATELIER_SHOWN_OF_GENERATION                                                                                 \
  "CASE g.status WHEN 'completed' THEN 'completed' WHEN 'failed' THEN 'failed' WHEN 'cancelled' THEN 'failed'"      \
  "              ELSE 'processing' END AS status,"                                                                  \
  "CASE g.status WHEN 'failed' THEN g.error_message"                                                                \
  "              WHEN 'cancelled' THEN coalesce(g.error_message, 'This generation was cancelled.') END AS message," \
  "CASE g.status WHEN 'completed' THEN coalesce(g.output_urls[1], g.output_url, g.output_text) END AS output,"      \
  "CASE WHEN starts_with(g.action, 'video_') THEN 'video' WHEN starts_with(g.action, 'analyze_') THEN 'text'"       \
  "     ELSE 'image' END AS output_type"

pg::Statement result_statement("SELECT g.status IN ('completed', 'failed', 'cancelled'), " ATELIER_SHOWN_OF_GENERATION
                               " FROM @app@.generations g WHERE g.id = $1 FOR SHARE");

pg::Statement linked_statement(R"sql(
  SELECT DISTINCT n.generation_id FROM @app@.flow_nodes n WHERE n.generation_id = ANY ($1::uuid[]))sql");

pg::Statement show_statement(
    "UPDATE @app@.flow_nodes n"
    "   SET status = s.status, error_message = s.message, output_url = coalesce(s.output, n.output_url),"
    "       output_type = CASE WHEN s.output IS NULL THEN n.output_type ELSE s.output_type END"
    "  FROM (SELECT g.id, " ATELIER_SHOWN_OF_GENERATION
    "          FROM @app@.generations g WHERE g.id = ANY ($1::uuid[])) s"
    " WHERE n.generation_id = s.id"
    "   AND (n.status, n.error_message, n.output_url) IS DISTINCT FROM"
    "       (s.status, s.message, coalesce(s.output, n.output_url))");

pg::Statement ends_statement(R"sql(
  SELECT EXISTS (SELECT FROM @app@.flow_nodes n WHERE n.id = $2 AND n.flow_id = $1)
     AND EXISTS (SELECT FROM @app@.flow_nodes n WHERE n.id = $3 AND n.flow_id = $1))sql");

pg::Statement remove_statement(R"sql(DELETE FROM @app@.flows WHERE user_id = $1)sql");

pg::Statement comment_statement(R"sql(SELECT c.flow_id FROM @app@.flow_comments c WHERE c.id = $1)sql");

pg::Statement belongs_statement(R"sql(
  SELECT EXISTS (SELECT FROM @app@.users u JOIN @app@.flows f ON f.user_id = u.id
                  WHERE u.email = $2 AND f.id = $1)
      OR EXISTS (SELECT FROM @app@.users u JOIN @app@.flow_members m ON m.user_id = u.id
                  WHERE u.email = $2 AND m.flow_id = $1 AND m.accepted_at IS NOT NULL))sql");

pg::Statement invited_statement(R"sql(
  SELECT EXISTS (SELECT FROM @app@.flow_invites i
                  WHERE i.flow_id = $1 AND i.email = $2 AND i.used_at IS NULL AND i.expires_at > now()))sql");

// A second session waits here and then finds the invitation used. The e-mail is that of the profile, never a claim.
pg::Statement take_statement(R"sql(
  SELECT i.id
    FROM @app@.flow_invites i
    JOIN @app@.users u ON u.id = $2 AND lower(u.email) = lower(i.email)
    JOIN @app@.flows f ON f.id = i.flow_id AND f.user_id <> u.id
   WHERE i.token = $1 AND i.used_at IS NULL AND i.expires_at > now()
     FOR UPDATE OF i)sql");

pg::Statement join_statement(R"sql(
  INSERT INTO @app@.flow_members AS m (flow_id, user_id, role, invited_by, invited_at, accepted_at)
  SELECT i.flow_id, $2, i.role, i.invited_by, i.created_at, now() FROM @app@.flow_invites i WHERE i.id = $1
  ON CONFLICT (flow_id, user_id) DO UPDATE
    SET role = EXCLUDED.role, invited_by = EXCLUDED.invited_by, accepted_at = coalesce(m.accepted_at, now())
  RETURNING m.flow_id, m.id)sql");

pg::Statement use_statement(R"sql(UPDATE @app@.flow_invites SET used_at = now() WHERE id = $1)sql");

pg::Statement preview_statement(R"sql(
  SELECT f.id, f.name, i.role, i.expires_at, coalesce(b.display_name, b.first_name, b.telegram_first_name)
    FROM @app@.flow_invites i
    JOIN @app@.users u ON u.id = $2 AND lower(u.email) = lower(i.email)
    JOIN @app@.flows f ON f.id = i.flow_id AND f.user_id <> u.id
    JOIN @app@.users b ON b.id = i.invited_by
   WHERE i.token = $1 AND i.used_at IS NULL AND i.expires_at > now())sql");

pg::Statement status_statement(R"sql(UPDATE @app@.flows SET status = $2 WHERE id = $1)sql");

template <typename... Args>
bool says_yes(pg::Statement& statement, const Args&... arguments) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  return statement(arguments...)[0].template get<bool>(0);
}

}  // namespace

void remember_node(const core::Uuid& flow, const core::Uuid& node, const KeptNode& kept) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  remember_statement(flow, node, kept.generation, kept.status, kept.error_message, kept.width, kept.height,
                     kept.created_by, kept.created_by_email);
}

std::optional<KeptNode> recall_node(const core::Uuid& flow, const core::Uuid& node) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  const pg::Rows rows = recall_statement(flow, node);
  if (rows.empty()) return std::nullopt;
  return KeptNode{rows[0].maybe<core::Uuid>(0), rows[0].get<std::string>(1), rows[0].maybe<std::string>(2),
                  rows[0].maybe<double>(3),     rows[0].maybe<double>(4),    rows[0].maybe<core::Uuid>(5),
                  rows[0].maybe<std::string>(6)};
}

void forget_old_nodes() {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  forget_statement();
}

std::optional<GenerationPlace> generation_place(const core::Uuid& generation) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  const pg::Rows rows = place_statement(generation);
  if (rows.empty()) return std::nullopt;
  return GenerationPlace{rows[0].get<core::Uuid>(0), rows[0].maybe<core::Uuid>(1)};
}

std::optional<GenerationResult> generation_result(const core::Uuid& generation) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  const pg::Rows rows = result_statement(generation);
  if (rows.empty()) return std::nullopt;
  return GenerationResult{rows[0].get<bool>(0), rows[0].get<std::string>(1), rows[0].maybe<std::string>(2),
                          rows[0].maybe<std::string>(3), rows[0].get<std::string>(4)};
}

void show_results(const std::vector<core::Uuid>& generations) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  const auto linked = linked_statement(generations).first_column<core::Uuid>();
  if (!linked.empty()) show_statement(linked);
}

void forget_flow(const core::Uuid& flow) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  forget_flow_statement(flow);
}

void remove_flows(const core::Uuid& owner_id) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  remove_statement(owner_id);
}

bool has_nodes(const core::Uuid& flow, const core::Uuid& source, const core::Uuid& target) {
  return says_yes(ends_statement, flow, source, target);
}

std::optional<core::Uuid> flow_of_comment(const core::Uuid& comment) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  const pg::Rows rows = comment_statement(comment);
  if (rows.empty()) return std::nullopt;
  return rows[0].get<core::Uuid>(0);
}

void lock_invitations(const core::Uuid& flow, const std::string& email) {
  pg::lock_for_transaction("invitation to " + core::to_string(flow) + " of " + email);
}

bool belongs(const core::Uuid& flow, const std::string& email) { return says_yes(belongs_statement, flow, email); }
bool is_invited(const core::Uuid& flow, const std::string& email) { return says_yes(invited_statement, flow, email); }

std::optional<Acceptance> accept_invitation(const std::string& token, const core::Uuid& user) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  const pg::Rows taken = take_statement(token, user);
  if (taken.empty()) return std::nullopt;
  const auto invitation = taken[0].get<core::Uuid>(0);
  const pg::Rows joined = join_statement(invitation, user);
  use_statement(invitation);
  return Acceptance{joined[0].get<core::Uuid>(0), joined[0].get<core::Uuid>(1)};
}

std::optional<Preview> preview_invitation(const std::string& token, const core::Uuid& user) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  const pg::Rows rows = preview_statement.read_only(token, user);
  if (rows.empty()) return std::nullopt;
  return Preview{rows[0].get<core::Uuid>(0), rows[0].get<std::string>(1), rows[0].get<std::string>(2),
                 rows[0].get<pg::Timestamp>(3), rows[0].maybe<std::string>(4)};
}

bool set_status(const core::Uuid& flow, const std::string& status) {
  const pg::Spi spi;
  return status_statement(flow, status).affected() > 0;
}

}  // namespace atelier::store::flows
