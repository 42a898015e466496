// SPDX-License-Identifier: PostgreSQL
#include "store/claims.hpp"

#include "pg/spi.hpp"

namespace atelier::store::claims {

namespace {

// A loose index scan over (user_id, priority, seq): one probe per user, however many rows each of them has.
pg::Statement next_users_statement(R"sql(
  WITH RECURSIVE ring(user_id) AS (
    (SELECT q.user_id FROM atelier.queue q WHERE q.user_id >= $1 AND q.user_id <= $2 ORDER BY q.user_id LIMIT 1)
    UNION ALL
    SELECT following.user_id
      FROM ring
     CROSS JOIN LATERAL (SELECT q.user_id FROM atelier.queue q
                          WHERE q.user_id > ring.user_id AND q.user_id <= $2 ORDER BY q.user_id LIMIT 1) following)
  SELECT ring.user_id, room.rows
    FROM ring
   CROSS JOIN LATERAL (
     SELECT CASE WHEN $4 = 0 THEN $3
                 ELSE $4 - (SELECT count(*)::integer FROM atelier.attempts a
                             WHERE a.user_id = ring.user_id AND a.state IN ('sending', 'running', 'unknown'))
            END AS rows) room
   WHERE room.rows > 0
     AND EXISTS (SELECT FROM atelier.queue q WHERE q.user_id = ring.user_id AND q.not_before <= $5)
     AND EXISTS (SELECT FROM @app@.users u WHERE u.id = ring.user_id AND u.is_active)
     AND NOT EXISTS (SELECT FROM atelier.user_limits l
                      WHERE l.user_id = ring.user_id
                        AND l.daily_budget_usd <= coalesce((SELECT s.usd FROM atelier.spending s
                                                             WHERE s.day = ($5 AT TIME ZONE 'UTC')::date
                                                               AND s.user_id = ring.user_id), 0))
   LIMIT $3)sql");

pg::Statement claim_statement(R"sql(
  WITH picked AS MATERIALIZED (
    SELECT due.place, due.generation_id, due.seq, due.series, ring.turn
      FROM unnest($1::uuid[], $2::integer[]) WITH ORDINALITY AS ring(user_id, room, turn)
     CROSS JOIN LATERAL (
       SELECT q.ctid AS place, q.generation_id, q.seq, q.series
         FROM atelier.queue q
        WHERE q.user_id = ring.user_id AND q.not_before <= $3
        ORDER BY q.priority DESC, q.seq
        LIMIT least(ring.room, $4)
          FOR UPDATE SKIP LOCKED) due
     LIMIT cardinality($5::integer[])),
  taken AS (
    DELETE FROM atelier.queue q WHERE q.ctid = ANY (ARRAY (SELECT p.place FROM picked p)) RETURNING q.generation_id),
  jobs AS MATERIALIZED (
    SELECT g.id, g.user_id, g.replicate_model, g.action, g.replicate_input, g.is_keyframe_segment, p.seq, p.series,
           row_number() OVER (ORDER BY p.turn)::integer AS nth,
           CASE WHEN g.action LIKE 'video%' THEN $8::timestamptz ELSE $7::timestamptz END AS deadline,
           coalesce(past.number, 0) + 1 AS number, past.accepted
      FROM taken t
      JOIN picked p ON p.generation_id = t.generation_id
      JOIN @app@.generations g ON g.id = t.generation_id
     CROSS JOIN LATERAL (
       SELECT max(a.number) AS number, count(a.prediction_id) FILTER (WHERE a.series = p.series)::integer AS accepted
         FROM atelier.attempts a
        WHERE a.generation_id = g.id) past
     WHERE g.status IN ('queued', 'processing')),
  sent AS (
    INSERT INTO atelier.attempts (generation_id, user_id, number, series, token_id, state, lease_until, sent_at,
                                  deadline)
    SELECT j.id, j.user_id, j.number, j.series, ($5::integer[])[j.nth], 'sending', $6, $3, j.deadline FROM jobs j
    RETURNING id, generation_id, number)
  SELECT s.id, j.id, j.user_id, s.number, ($5::integer[])[j.nth], j.replicate_model, j.action,
         coalesce(j.replicate_input, '{}')::text, j.accepted, j.is_keyframe_segment, j.deadline, j.seq, j.series
    FROM sent s
    JOIN jobs j ON j.id = s.generation_id
   ORDER BY j.nth)sql");

pg::Statement waits_statement(R"sql(
  SELECT EXISTS (SELECT FROM atelier.queue)
      OR EXISTS (SELECT FROM atelier.attempts a
                  WHERE a.cancel_requested AND a.state IN ('sending', 'running', 'unknown')))sql");

}  // namespace

std::vector<NextUser> next_users(const core::Uuid& from, const core::Uuid& up_to, int32_t most, int32_t concurrency,
                                 pg::Timestamp now) {
  pg::Spi spi;
  const pg::Rows rows = next_users_statement(from, up_to, most, concurrency, now);
  std::vector<NextUser> users;
  users.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) users.push_back({rows[i].get<core::Uuid>(0), rows[i].get<int32_t>(1)});
  return users;
}

std::vector<Claimed> claim(const std::vector<NextUser>& users, const std::vector<int32_t>& tokens, const Limits& limits,
                           pg::Timestamp now) {
  std::vector<core::Uuid> ids;
  std::vector<int32_t> rooms;
  for (const NextUser& next : users) {
    ids.push_back(next.user);
    rooms.push_back(next.room);
  }
  pg::Spi spi;
  const pg::Rows rows = claim_statement(ids, rooms, now, limits.per_user, tokens, limits.lease_until,
                                        limits.image_deadline, limits.video_deadline);
  std::vector<Claimed> claimed;
  claimed.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const pg::Row row = rows[i];
    claimed.push_back({row.get<int64_t>(0), row.get<core::Uuid>(1), row.get<core::Uuid>(2), row.get<int16_t>(3),
                       row.get<int32_t>(4), row.get<std::string>(5), row.get<std::string>(6), row.get<std::string>(7),
                       row.get<int32_t>(8), row.get<bool>(9), row.get<int64_t>(11), row.get<int16_t>(12), now,
                       row.get<pg::Timestamp>(10)});
  }
  return claimed;
}

bool anything_waits() {
  pg::Spi spi;
  return waits_statement()[0].get<bool>(0);
}

}  // namespace atelier::store::claims
