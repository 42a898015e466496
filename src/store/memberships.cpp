// SPDX-License-Identifier: PostgreSQL
#include "store/memberships.hpp"

#include "pg/spi.hpp"
#include "pg/transaction.hpp"

namespace atelier::store::memberships {

namespace {

pg::Statement profile_statement(R"sql(SELECT u.is_active, u.role FROM @app@.users u WHERE u.id = $1)sql");

pg::Statement workspaces_statement(R"sql(
  SELECT m.workspace_id, m.role FROM @app@.workspace_members m WHERE m.user_id = $1)sql");

pg::Statement flows_statement(R"sql(
  SELECT m.flow_id, m.role FROM @app@.flow_members m WHERE m.user_id = $1 AND m.accepted_at IS NOT NULL)sql");

pg::Statement flow_statement(R"sql(SELECT f.user_id, f.workspace_id FROM @app@.flows f WHERE f.id = $1)sql");

pg::Statement lora_statement(R"sql(SELECT l.user_id FROM @app@.user_loras l WHERE l.id = $1)sql");

pg::Statement conversation_statement(R"sql(
  SELECT c.user_id FROM @app@.assistant_conversations c WHERE c.id = $1)sql");

std::vector<Membership> memberships(pg::Statement& statement, const core::Uuid& user) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  const pg::Rows rows = statement.read_only(user);
  std::vector<Membership> found;
  found.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) found.push_back({rows[i].get<core::Uuid>(0), rows[i].get<std::string>(1)});
  return found;
}

std::optional<core::Uuid> owner_of(pg::Statement& statement, const core::Uuid& id) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  const pg::Rows rows = statement.read_only(id);
  if (rows.empty()) return std::nullopt;
  return rows[0].get<core::Uuid>(0);
}

}  // namespace

std::optional<Profile> profile(const core::Uuid& user) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  const pg::Rows rows = profile_statement.read_only(user);
  if (rows.empty()) return std::nullopt;
  return Profile{rows[0].get<bool>(0), rows[0].get<std::string>(1)};
}

std::vector<Membership> workspaces(const core::Uuid& user) { return memberships(workspaces_statement, user); }
std::vector<Membership> flows(const core::Uuid& user) { return memberships(flows_statement, user); }

std::optional<Flow> flow(const core::Uuid& id) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  const pg::Rows rows = flow_statement.read_only(id);
  if (rows.empty()) return std::nullopt;
  return Flow{rows[0].get<core::Uuid>(0), rows[0].maybe<core::Uuid>(1)};
}

std::optional<core::Uuid> owner_of_lora(const core::Uuid& lora) { return owner_of(lora_statement, lora); }
std::optional<core::Uuid> owner_of_conversation(const core::Uuid& conversation) {
  return owner_of(conversation_statement, conversation);
}

}  // namespace atelier::store::memberships
