// SPDX-License-Identifier: PostgreSQL
#include "store/support.hpp"

#include "pg/spi.hpp"
#include "pg/transaction.hpp"

namespace atelier::store::support {

namespace {

pg::Statement ticket_statement(R"sql(
  SELECT t.user_id, t.answered_at IS NOT NULL FROM @app@.support_tickets t WHERE t.id = $1 FOR NO KEY UPDATE)sql");

// The app itself has no profile, and a claim may name somebody who has none any more.
pg::Statement answer_statement(R"sql(
  UPDATE @app@.support_tickets t
     SET answer = $2, answered_by = (SELECT u.id FROM @app@.users u WHERE u.id = $3), answered_at = now(),
         status = 'answered'
   WHERE t.id = $1)sql");

pg::Statement notify_statement(R"sql(
  INSERT INTO @app@.notifications (user_id, type, title, message, metadata)
  VALUES ($1, 'support_reply', 'Support has answered', $2, jsonb_build_object('ticket_id', $3, 'replied_by', $4)))sql");

pg::Statement correct_statement(R"sql(
  UPDATE @app@.notifications n SET message = $2, metadata = n.metadata || jsonb_build_object('replied_by', $4)
   WHERE n.user_id = $1 AND n.type = 'support_reply' AND n.metadata ->> 'ticket_id' = $3::text)sql");

}  // namespace

bool answer(const core::Uuid& ticket, const std::string& answer, const std::optional<core::Uuid>& answered_by) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  const pg::Rows found = ticket_statement(ticket);
  if (found.empty()) return false;
  const auto user = found[0].get<core::Uuid>(0);
  const bool again = found[0].get<bool>(1);
  answer_statement(ticket, answer, answered_by);
  (again ? correct_statement : notify_statement)(user, answer, ticket, answered_by);
  return true;
}

}  // namespace atelier::store::support
