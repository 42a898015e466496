// SPDX-License-Identifier: PostgreSQL
#include "store/tokens.hpp"

#include <algorithm>
#include <vector>

#include "pg/row_by_id.hpp"
#include "pg/shmem.hpp"
#include "pg/snapshot.hpp"
#include "pg/spi.hpp"
#include "pg/token_ring.hpp"
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

pg::Statement ring_statement(R"sql(
  SELECT t.id, coalesce(s.cooling_until, 'epoch'), coalesce(t.last_used_at, 'epoch'), t.request_count
    FROM @app@.replicate_tokens t
    LEFT JOIN atelier.token_state s ON s.token_id = t.id
   WHERE t.is_active)sql");

pg::Statement secret_statement(R"sql(
  SELECT t.token FROM @app@.replicate_tokens t WHERE t.id = $1 AND t.is_active)sql");

// Rows that somebody holds are left for the next time.
pg::Statement flush_statement(R"sql(
  WITH uses AS (SELECT * FROM unnest($1::integer[], $2::integer[], $3::timestamptz[]) AS n(id, requests, used_at)),
  free AS (
    SELECT f.id FROM @app@.replicate_tokens f WHERE f.id IN (SELECT u.id FROM uses u) FOR NO KEY UPDATE SKIP LOCKED)
  UPDATE @app@.replicate_tokens t
     SET request_count = least(2147483647, t.request_count::bigint + u.requests)::integer,
         last_used_at = greatest(t.last_used_at, u.used_at)
    FROM uses u
   WHERE t.id = u.id AND t.id IN (SELECT f.id FROM free f)
  RETURNING t.id)sql");

pg::Statement exists_statement(R"sql(
  SELECT EXISTS (SELECT FROM @app@.replicate_tokens t WHERE t.token = $1 AND t.id <> $2))sql");

pg::Statement keep_statement(R"sql(
  INSERT INTO atelier.kept_tokens (token_id, token, account)
  SELECT $1, $2, (SELECT s.account FROM atelier.token_state s WHERE s.token_id = $1)
   WHERE $3 OR EXISTS (SELECT FROM atelier.attempts a
                        WHERE a.state IN ('sending', 'running', 'unknown') AND a.token_id = $1)
      OR EXISTS (SELECT FROM atelier.trainings t
                  WHERE t.state IN ('sending', 'running', 'unknown') AND t.token_id = $1)
  ON CONFLICT (token_id) DO UPDATE SET token = excluded.token, account = excluded.account, deleted_at = now())sql");

std::optional<Token> token_in(const pg::Rows& rows) {
  if (rows.empty()) return std::nullopt;
  return Token{rows[0].get<int32_t>(0), rows[0].get<std::string>(1)};
}

// The version is read first: what changes meanwhile makes the next caller load again.
void load() {
  const uint64_t version = pg::tokens_version();
  if (pg::is_ring_at(version)) return;
  const pg::Spi spi;
  const pg::Rows rows = ring_statement.read_only();
  std::vector<pg::RingToken> tokens;
  tokens.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i)
    tokens.push_back({rows[i].get<int32_t>(0), rows[i].get<pg::Timestamp>(1).us, rows[i].get<pg::Timestamp>(2).us,
                      rows[i].get<int32_t>(3)});
  pg::load_ring(version, std::move(tokens));
}

// The secret of an active token.
std::optional<std::string> secret_of(int32_t id, pg::RowById& row) {
  if (!row.usable()) {
    const pg::Spi spi;
    const pg::Rows rows = secret_statement.read_only(id);
    return rows.empty() ? std::nullopt : std::optional(rows[0].get<std::string>(0));
  }
  if (!row.find(id)) return std::nullopt;
  const auto active = row.value("is_active", pg::TypeOf<bool>::scalar);
  const auto token = row.value("token", pg::TypeOf<std::string>::scalar);
  if (!active || !pg::to_cpp<bool>(*active) || !token) return std::nullopt;
  return pg::to_cpp<std::string>(*token);
}

// A token that has gone since the ring was loaded is passed over, a few times at most.
std::optional<Token> take_from_ring() {
  constexpr int kTries = 5;
  if (pg::has_changed_tokens() || !pg::has_token_ring()) return std::nullopt;
  const pg::LatestSnapshot latest;
  load();
  pg::RowById row("replicate_tokens");
  for (int tried = 0; tried < kTries; ++tried) {
    const auto id = pg::next_in_ring(pg::now().us);
    if (!id) return std::nullopt;
    if (auto secret = secret_of(*id, row)) return Token{*id, *secret};
    pg::undo_use(*id);
  }
  return std::nullopt;
}

}  // namespace

std::optional<Token> take_next() {
  const pg::AsRole owner(pg::owner_role());
  if (std::optional<Token> token = take_from_ring()) return token;
  const pg::Spi spi;
  if (std::optional<Token> token = token_in(take_free_statement())) return token;
  return token_in(take_any_statement());
}

void keep(int32_t id, const std::string& token, bool dispatcher_runs) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  keep_statement(id, token, dispatcher_runs);
}

int64_t flush() {
  std::vector<pg::TokenUse> uses = pg::take_uses();
  if (uses.empty()) return 0;
  std::vector<int32_t> ids, requests;
  std::vector<pg::Timestamp> times;
  for (const pg::TokenUse& use : uses) {
    ids.push_back(use.id);
    requests.push_back(use.requests);
    times.push_back({use.last_used_us});
  }
  int64_t flushed = 0;
  try {
    const pg::AsRole owner(pg::owner_role());
    const pg::Spi spi;
    const pg::Rows rows = flush_statement(ids, requests, times);
    for (size_t i = 0; i < rows.size(); ++i) {
      const auto use = std::find_if(uses.begin(), uses.end(),
                                    [&](const pg::TokenUse& one) { return one.id == rows[i].get<int32_t>(0); });
      if (use == uses.end()) continue;
      flushed += use->requests;
      uses.erase(use);
    }
  } catch (...) {
    pg::return_uses(uses);
    throw;
  }
  pg::return_uses(uses);
  return flushed;
}

bool exists(const std::string& token, int32_t id) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  return exists_statement(token, id)[0].get<bool>(0);
}

}  // namespace atelier::store::tokens
