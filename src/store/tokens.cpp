// SPDX-License-Identifier: PostgreSQL
#include "store/tokens.hpp"

#include "pg/spi.hpp"
#include "pg/transaction.hpp"

namespace atelier::store::tokens {

namespace {

// The clock and not the transaction's start says when: a long transaction would leave its tokens looking unused.
#define TAKE_LEAST_RECENTLY_USED                                                                        \
  "UPDATE @app@.replicate_tokens t"                                                                     \
  "   SET last_used_at = clock_timestamp(), request_count = least(t.request_count, 2147483646) + 1"     \
  " WHERE t.id = (SELECT c.id FROM @app@.replicate_tokens c"                                            \
  "                WHERE c.is_active"                                                                   \
  "                  AND NOT EXISTS (SELECT FROM atelier.token_state s"                                 \
  "                                   WHERE s.token_id = c.id AND s.cooling_until > clock_timestamp())" \
  "                ORDER BY c.last_used_at NULLS FIRST, c.request_count, c.id LIMIT 1 FOR UPDATE OF c "

pg::Statement take_free_statement(TAKE_LEAST_RECENTLY_USED "SKIP LOCKED) RETURNING t.id, t.token");
pg::Statement take_any_statement(TAKE_LEAST_RECENTLY_USED ") RETURNING t.id, t.token");

#undef TAKE_LEAST_RECENTLY_USED

pg::Statement exists_statement(R"sql(
  SELECT EXISTS (SELECT FROM @app@.replicate_tokens t WHERE t.token = $1 AND t.id <> $2))sql");

pg::Statement keep_statement(R"sql(
  INSERT INTO atelier.kept_tokens (token_id, token, account)
  SELECT $1, $2, (SELECT s.account FROM atelier.token_state s WHERE s.token_id = $1)
   WHERE $3 OR EXISTS (SELECT FROM atelier.attempts a
                        WHERE a.state IN ('sending', 'running', 'unknown') AND a.token_id = $1)
  ON CONFLICT (token_id) DO UPDATE SET token = excluded.token, account = excluded.account, deleted_at = now())sql");

std::optional<Token> token_in(const pg::Rows& rows) {
  if (rows.empty()) return std::nullopt;
  return Token{rows[0].get<int32_t>(0), rows[0].get<std::string>(1)};
}

}  // namespace

std::optional<Token> take_next() {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  if (std::optional<Token> token = token_in(take_free_statement())) return token;
  return token_in(take_any_statement());
}

void keep(int32_t id, const std::string& token, bool dispatcher_runs) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  keep_statement(id, token, dispatcher_runs);
}

bool exists(const std::string& token, int32_t id) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  return exists_statement(token, id)[0].get<bool>(0);
}

}  // namespace atelier::store::tokens
