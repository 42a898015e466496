// SPDX-License-Identifier: PostgreSQL
#include "store/pool.hpp"

#include "pg/shmem.hpp"
#include "pg/spi.hpp"

namespace atelier::store::pool {

namespace {

pg::Statement tokens_statement(R"sql(
  SELECT t.id, t.token, t.is_active, coalesce(s.account, ''), s.cooling_until, false
    FROM @app@.replicate_tokens t
    LEFT JOIN atelier.token_state s ON s.token_id = t.id
   UNION ALL
  SELECT k.token_id, k.token, false, coalesce(k.account, ''), NULL, true
    FROM atelier.kept_tokens k
   WHERE NOT EXISTS (SELECT FROM @app@.replicate_tokens t WHERE t.id = k.token_id)
   ORDER BY 1)sql");

pg::Statement forget_statement(R"sql(
  DELETE FROM atelier.kept_tokens k
   WHERE NOT EXISTS (SELECT FROM atelier.attempts a
                      WHERE a.state IN ('sending', 'running', 'unknown') AND a.token_id = k.token_id)
     AND NOT EXISTS (SELECT FROM atelier.trainings t
                      WHERE t.state IN ('sending', 'running', 'unknown') AND t.token_id = k.token_id))sql");

// A request that was sent and refused has arrived too; one that never arrived used nothing.
pg::Statement sent_statement(R"sql(
  SELECT a.token_id, a.sent_at, a.state = 'unknown' AS open
    FROM atelier.attempts a
   WHERE a.sent_at > $1 AND a.state <> 'absent' AND a.token_id IS NOT NULL
   UNION ALL
  SELECT t.token_id, t.sent_at, t.state = 'unknown' AS open
    FROM atelier.trainings t
   WHERE t.sent_at > $1 AND t.state IN ('unknown', 'running') AND t.token_id IS NOT NULL
   ORDER BY open, sent_at)sql");

pg::Statement usage_statement(R"sql(
  UPDATE @app@.replicate_tokens t
     SET request_count = t.request_count + n.requests,
         last_used_at = CASE WHEN n.requests > 0 THEN now() ELSE t.last_used_at END,
         error_count = t.error_count + n.errors,
         last_error = coalesce(n.last_error, t.last_error),
         last_error_at = CASE WHEN n.errors > 0 THEN now() ELSE t.last_error_at END
    FROM unnest($1::integer[], $2::integer[], $3::integer[], $4::text[]) AS n(id, requests, errors, last_error)
   WHERE t.id = n.id
     AND t.id IN (SELECT free.id FROM @app@.replicate_tokens free WHERE free.id = ANY ($1::integer[])
                     FOR NO KEY UPDATE SKIP LOCKED)
  RETURNING t.id)sql");

pg::Statement account_statement(R"sql(
  INSERT INTO atelier.token_state (token_id, account, changed_at) VALUES ($1, $2, now())
  ON CONFLICT (token_id) DO UPDATE SET account = excluded.account, changed_at = excluded.changed_at)sql");

pg::Statement cooling_statement(R"sql(
  INSERT INTO atelier.token_state (token_id, cooling_until, reason, refusals, changed_at)
  SELECT n.id, $2, $3, 1, now() FROM unnest($1::integer[]) AS n(id)
   WHERE EXISTS (SELECT FROM @app@.replicate_tokens t WHERE t.id = n.id)
  ON CONFLICT (token_id) DO UPDATE
     SET cooling_until = greatest(token_state.cooling_until, excluded.cooling_until), reason = excluded.reason,
         refusals = coalesce(token_state.refusals, 0) + 1, changed_at = excluded.changed_at)sql");

pg::Statement deactivate_statement(R"sql(
  UPDATE @app@.replicate_tokens SET is_active = false, last_error = $2, last_error_at = now() WHERE id = $1)sql");

}  // namespace

std::vector<TokenRow> tokens() {
  pg::Spi spi;
  const pg::Rows rows = tokens_statement();
  std::vector<TokenRow> tokens;
  for (size_t i = 0; i < rows.size(); ++i) {
    const pg::Row row = rows[i];
    tokens.push_back({row.get<int32_t>(0), row.get<std::string>(1), row.get<bool>(2), row.get<std::string>(3),
                      row.maybe<pg::Timestamp>(4).value_or(pg::Timestamp{}).us, row.get<bool>(5)});
  }
  return tokens;
}

void forget_kept() {
  pg::Spi spi;
  forget_statement();
}

std::vector<Sent> sent_since(pg::Timestamp since) {
  pg::Spi spi;
  const pg::Rows rows = sent_statement(since);
  std::vector<Sent> sent;
  sent.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i)
    sent.push_back({rows[i].get<int32_t>(0), rows[i].get<pg::Timestamp>(1), rows[i].get<bool>(2)});
  return sent;
}

std::vector<int32_t> add_usage(const std::vector<Usage>& usage) {
  std::vector<int32_t> ids, requests, errors;
  std::vector<std::optional<std::string>> messages;
  for (const Usage& one : usage) {
    ids.push_back(one.token);
    requests.push_back(one.requests);
    errors.push_back(one.errors);
    messages.push_back(one.last_error);
  }
  pg::Spi spi;
  return usage_statement(ids, requests, errors, messages).first_column<int32_t>();
}

void set_account(int32_t token, const std::string& account) {
  pg::Spi spi;
  account_statement(token, account);
}

void set_cooling(const std::vector<int32_t>& tokens, pg::Timestamp until, const std::string& reason) {
  // The ring passes over tokens that cool down.
  pg::note_tokens_changed_at_commit();
  pg::Spi spi;
  cooling_statement(tokens, until, reason);
}

void deactivate(int32_t token, const std::string& reason) {
  pg::Spi spi;
  deactivate_statement(token, reason);
}

}  // namespace atelier::store::pool
