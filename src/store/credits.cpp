// SPDX-License-Identifier: PostgreSQL
#include "store/credits.hpp"

#include "pg/index_probe.hpp"
#include "pg/spi.hpp"
#include "pg/transaction.hpp"
#include "store/identity.hpp"

namespace atelier::store::credits {

namespace {

pg::Statement hold_statement(R"sql(
  WITH taken AS (
    UPDATE @app@.users u SET credits = u.credits - $3 WHERE u.id = $2 AND u.credits >= $3 RETURNING u.id)
  INSERT INTO atelier.credit_entries (generation_id, kind, turn, user_id, amount)
  SELECT $1, 'hold',
         (SELECT coalesce(max(h.turn), 0) + 1 FROM atelier.credit_entries h
           WHERE h.generation_id = $1 AND h.kind = 'hold'),
         t.id, -$3
    FROM taken t)sql");

pg::Statement balance_statement(R"sql(
  SELECT coalesce((SELECT u.credits FROM @app@.users u WHERE u.id = $1), 0))sql");

pg::Statement release_statement(R"sql(
  WITH given AS (
    UPDATE @app@.users u SET credits = coalesce(u.credits, 0) - h.amount
      FROM atelier.credit_entries h
     WHERE h.generation_id = $1 AND h.kind = 'hold' AND u.id = h.user_id
       AND NOT EXISTS (SELECT FROM atelier.credit_entries r
                        WHERE r.generation_id = $1 AND r.kind = 'release' AND r.turn = h.turn)
    RETURNING h.generation_id, h.turn, h.user_id, h.amount)
  INSERT INTO atelier.credit_entries (generation_id, kind, turn, user_id, amount)
  SELECT g.generation_id, 'release', g.turn, g.user_id, -g.amount FROM given g)sql");

pg::Statement release_gone_statement(R"sql(
  WITH held AS MATERIALIZED (
    SELECT h.generation_id, h.turn, h.user_id, h.amount
      FROM atelier.credit_entries h
     WHERE h.kind = 'hold'
       AND NOT EXISTS (SELECT FROM @app@.generations g WHERE g.id = h.generation_id)
       AND NOT EXISTS (SELECT FROM atelier.credit_entries r
                        WHERE r.generation_id = h.generation_id AND r.kind = 'release' AND r.turn = h.turn)),
  balances AS MATERIALIZED (
    SELECT u.id FROM @app@.users u WHERE u.id IN (SELECT h.user_id FROM held h) ORDER BY u.id FOR NO KEY UPDATE),
  released AS (
    INSERT INTO atelier.credit_entries (generation_id, kind, turn, user_id, amount)
    SELECT h.generation_id, 'release', h.turn, h.user_id, -h.amount FROM held h JOIN balances b ON b.id = h.user_id
    RETURNING user_id, amount)
  UPDATE @app@.users u SET credits = coalesce(u.credits, 0) + sums.amount
    FROM (SELECT r.user_id, sum(r.amount)::integer AS amount FROM released r GROUP BY r.user_id) sums
   WHERE u.id = sums.user_id)sql");

// The balances are locked in the order of their ids and read under the lock, so that an entry says what was really
// taken. What a user has is used up in the order of the batch.
pg::Statement settle_statement(R"sql(
  WITH ended AS MATERIALIZED (
    SELECT n.generation_id, n.user_id,
           CASE WHEN n.price > 0
                 AND NOT EXISTS (SELECT FROM atelier.credit_entries c
                                  WHERE c.generation_id = n.generation_id AND c.kind = 'charge') THEN n.price
                ELSE 0 END AS price, n.place
      FROM unnest($1::uuid[], $2::uuid[], $3::integer[]) WITH ORDINALITY AS n(generation_id, user_id, price, place)),
  held AS MATERIALIZED (
    SELECT h.generation_id, h.turn, h.user_id, h.amount
      FROM ended e
      JOIN atelier.credit_entries h ON h.generation_id = e.generation_id AND h.kind = 'hold'
     WHERE NOT EXISTS (SELECT FROM atelier.credit_entries r
                        WHERE r.generation_id = h.generation_id AND r.kind = 'release' AND r.turn = h.turn)),
  balances AS MATERIALIZED (
    SELECT u.id, coalesce(u.credits, 0) AS credits
      FROM @app@.users u
     WHERE u.id = ANY (ARRAY (SELECT e.user_id FROM ended e WHERE e.price > 0 UNION SELECT h.user_id FROM held h))
     ORDER BY u.id
       FOR NO KEY UPDATE),
  released AS (
    INSERT INTO atelier.credit_entries (generation_id, kind, turn, user_id, amount)
    SELECT h.generation_id, 'release', h.turn, h.user_id, -h.amount FROM held h JOIN balances b ON b.id = h.user_id
    RETURNING user_id, amount),
  priced AS (
    SELECT e.generation_id, e.user_id, e.price,
           sum(e.price) OVER (PARTITION BY e.user_id ORDER BY e.place) - e.price AS taken_before,
           b.credits + coalesce((SELECT sum(r.amount) FROM released r WHERE r.user_id = e.user_id), 0) AS credits
      FROM ended e
      JOIN balances b ON b.id = e.user_id
     WHERE e.price > 0),
  charged AS (
    INSERT INTO atelier.credit_entries (generation_id, kind, turn, user_id, amount)
    SELECT p.generation_id, 'charge', 0, p.user_id, -least(p.price, greatest(0, p.credits - p.taken_before))
      FROM priced p
    RETURNING user_id, amount),
  entries AS (
    SELECT r.user_id, r.amount FROM released r UNION ALL SELECT c.user_id, c.amount FROM charged c)
  UPDATE @app@.users u SET credits = coalesce(u.credits, 0) + sums.amount
    FROM (SELECT e.user_id, sum(e.amount)::integer AS amount FROM entries e GROUP BY e.user_id) sums
   WHERE u.id = sums.user_id AND sums.amount <> 0)sql");

}  // namespace

bool hold(const core::Uuid& generation, const core::Uuid& user, int32_t credits) {
  if (!identity::has_step("money")) return true;
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  return hold_statement(generation, user, credits).affected() > 0;
}

int32_t balance(const core::Uuid& user) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  return balance_statement(user)[0].get<int32_t>(0);
}

void release(const core::Uuid& generation) {
  // Most generations have none, and to begin the statement costs more than to look.
  if (!identity::has_step("money") || !pg::may_have_row("credit_entries_hold_idx", core::to_datum(generation))) return;
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  release_statement(generation);
}

void release_gone() {
  if (!identity::has_step("money")) return;
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  release_gone_statement();
}

void settle(const std::vector<Ended>& ended) {
  std::vector<core::Uuid> generations, users;
  std::vector<int32_t> prices;
  for (const Ended& one : ended) {
    generations.push_back(one.generation);
    users.push_back(one.user);
    prices.push_back(one.price);
  }
  pg::Spi spi;
  settle_statement(generations, users, prices);
}

}  // namespace atelier::store::credits
