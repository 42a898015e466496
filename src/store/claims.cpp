// SPDX-License-Identifier: PostgreSQL
#include "store/claims.hpp"

#include "pg/spi.hpp"

namespace atelier::store::claims {

namespace {

// A loose index scan over (user_id, priority, seq): one probe per user, however many rows each of them has.
pg::Statement users_statement(R"sql(
  WITH RECURSIVE ring(user_id) AS (
    (SELECT q.user_id FROM atelier.queue q
      WHERE q.user_id > $1 AND q.not_before = '-infinity' ORDER BY q.user_id LIMIT 1)
    UNION ALL
    SELECT following.user_id
      FROM ring
     CROSS JOIN LATERAL (SELECT q.user_id FROM atelier.queue q
                          WHERE q.user_id > ring.user_id AND q.not_before = '-infinity'
                          ORDER BY q.user_id LIMIT 1) following)
  SELECT ring.user_id, EXISTS (SELECT FROM @app@.users u WHERE u.id = ring.user_id AND u.is_active)
     AND NOT EXISTS (SELECT FROM atelier.user_limits l
                      WHERE l.user_id = ring.user_id
                        AND l.daily_budget_usd <= coalesce((SELECT s.usd FROM atelier.spending s
                                                             WHERE s.day = ($3::timestamptz AT TIME ZONE 'UTC')::date
                                                               AND s.user_id = ring.user_id), 0))
    FROM ring
   LIMIT $2)sql");

pg::Statement limits_statement(R"sql(
  SELECT l.user_id, l.concurrency FROM atelier.user_limits l WHERE l.concurrency IS NOT NULL)sql");

// Rows that wait for a time are in an index of their own, so that they stand in nobody's way. A row that somebody holds
// is tried again.
pg::Statement release_statement(R"sql(
  UPDATE atelier.queue q SET not_before = '-infinity'
   WHERE q.ctid = ANY (ARRAY (
           SELECT later.ctid FROM atelier.queue later
            WHERE later.not_before > '-infinity' AND later.not_before <= $1
            ORDER BY later.not_before LIMIT $2 FOR UPDATE SKIP LOCKED))
  RETURNING q.user_id)sql");

pg::Statement next_release_statement(R"sql(
  SELECT q.not_before FROM atelier.queue q
   WHERE q.not_before > '-infinity' AND q.not_before < 'infinity' ORDER BY q.not_before LIMIT 1)sql");

// Every part is driven by the rows before it, one probe per row. A row whose generation is gone or has ended leaves the
// queue without an attempt, and is told with no attempt's number.
// Rows whose workspace is full are set aside; those that came back from there go before others of their workspace, and
// as long as some are set aside others wait behind them. Without a limit ($11 is 0) no generation is read for that.
pg::Statement claim_statement(R"sql(
  WITH picked AS MATERIALIZED (
    SELECT due.place, due.generation_id, due.seq, due.workspace_id, ring.turn
      FROM unnest($1::uuid[], $2::integer[]) WITH ORDINALITY AS ring(user_id, room, turn)
     CROSS JOIN LATERAL (
       SELECT q.ctid AS place, q.generation_id, q.seq, q.workspace_id
         FROM atelier.queue q
        WHERE q.user_id = ring.user_id AND q.not_before = '-infinity'
        ORDER BY q.priority DESC, q.seq
        LIMIT ring.room
          FOR UPDATE SKIP LOCKED) due
     WHERE EXISTS (SELECT FROM @app@.users u WHERE u.id = ring.user_id AND u.is_active)
       AND NOT EXISTS (SELECT FROM atelier.user_limits l
                        WHERE l.user_id = ring.user_id
                          AND l.daily_budget_usd <= coalesce((SELECT s.usd FROM atelier.spending s
                                                               WHERE s.day = ($3::timestamptz AT TIME ZONE 'UTC')::date
                                                                 AND s.user_id = ring.user_id), 0))
     LIMIT cardinality($4::integer[])),
  full_ones AS MATERIALIZED (
    SELECT n.place, n.workspace_id
      FROM (SELECT p.place, g.workspace_id, back.yes AS came_back,
                   row_number() OVER (PARTITION BY g.workspace_id ORDER BY back.yes DESC, p.turn, p.seq) AS nth
              FROM picked p
              JOIN @app@.generations g ON g.id = p.generation_id
             CROSS JOIN LATERAL (SELECT p.workspace_id IS NOT DISTINCT FROM g.workspace_id) back(yes)
             WHERE $11 > 0 AND g.workspace_id IS NOT NULL) n
      LEFT JOIN unnest($8::uuid[], $9::integer[], $10::boolean[]) AS known(id, room, parked)
             ON known.id = n.workspace_id
     WHERE n.nth > coalesce(known.room, $11) OR (known.parked AND NOT n.came_back)),
  set_aside AS (
    UPDATE atelier.queue q SET not_before = 'infinity', workspace_id = f.workspace_id
      FROM full_ones f
     WHERE q.ctid = f.place
    RETURNING q.user_id, q.workspace_id),
  taken AS (
    DELETE FROM atelier.queue q
     USING (SELECT p.place, p.turn FROM picked p WHERE p.place NOT IN (SELECT f.place FROM full_ones f)) p
     WHERE q.ctid = p.place
    RETURNING q.generation_id, q.user_id, q.seq, q.series, p.turn),
  jobs AS MATERIALIZED (
    SELECT CASE WHEN g.id IS NOT NULL THEN nextval('atelier.attempts_id_seq') END AS attempt, t.generation_id,
           t.user_id, g.replicate_model, g.action, g.replicate_input, g.is_keyframe_segment, t.seq, t.series,
           row_number() OVER (ORDER BY t.turn, t.seq)::integer AS nth,
           CASE WHEN g.action LIKE 'video%' THEN $7::timestamptz ELSE $6::timestamptz END AS deadline,
           coalesce(past.number, 0) + 1 AS number, past.accepted, g.workspace_id
      FROM taken t
      LEFT JOIN @app@.generations g ON g.id = t.generation_id AND g.status IN ('queued', 'processing')
     CROSS JOIN LATERAL (
       SELECT max(a.number) AS number, count(a.prediction_id) FILTER (WHERE a.series = t.series)::integer AS accepted
         FROM atelier.attempts a
        WHERE a.generation_id = g.id) past),
  sent AS (
    INSERT INTO atelier.attempts (id, generation_id, user_id, number, series, token_id, state, lease_until, sent_at,
                                  deadline) OVERRIDING SYSTEM VALUE
    SELECT j.attempt, j.generation_id, j.user_id, j.number, j.series, ($4::integer[])[j.nth], 'sending', $5, $3,
           j.deadline
      FROM jobs j
     WHERE j.attempt IS NOT NULL)
  SELECT j.attempt, j.generation_id, j.user_id, j.number::smallint, ($4::integer[])[j.nth], j.replicate_model, j.action,
         coalesce(j.replicate_input, '{}')::text, j.accepted, j.is_keyframe_segment, j.deadline, j.seq, j.series,
         j.workspace_id
    FROM jobs j
  UNION ALL
  SELECT NULL, NULL, s.user_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, s.workspace_id
    FROM set_aside s)sql");

pg::Statement parking_statement(R"sql(
  WITH RECURSIVE ring(workspace_id) AS (
    (SELECT q.workspace_id FROM atelier.queue q WHERE q.not_before = 'infinity' ORDER BY q.workspace_id LIMIT 1)
    UNION ALL
    SELECT following.workspace_id
      FROM ring
     CROSS JOIN LATERAL (SELECT q.workspace_id FROM atelier.queue q
                          WHERE q.not_before = 'infinity' AND q.workspace_id > ring.workspace_id
                          ORDER BY q.workspace_id LIMIT 1) following)
  SELECT ring.workspace_id FROM ring WHERE ring.workspace_id IS NOT NULL)sql");

// The first row of each of the next users, so that one with many rows holds up nobody of his workspace.
pg::Statement unpark_statement(R"sql(
  WITH RECURSIVE ring(user_id, n) AS (
    (SELECT q.user_id, 1 FROM atelier.queue q
      WHERE q.not_before = 'infinity' AND q.workspace_id = $1 AND q.user_id > $2 ORDER BY q.user_id LIMIT 1)
    UNION ALL
    SELECT following.user_id, ring.n + 1
      FROM ring
     CROSS JOIN LATERAL (SELECT q.user_id FROM atelier.queue q
                          WHERE q.not_before = 'infinity' AND q.workspace_id = $1 AND q.user_id > ring.user_id
                          ORDER BY q.user_id LIMIT 1) following
     WHERE ring.n < $3)
  UPDATE atelier.queue q SET not_before = '-infinity'
   WHERE q.ctid = ANY (ARRAY (
           SELECT first.place FROM ring
            CROSS JOIN LATERAL (SELECT f.ctid AS place FROM atelier.queue f
                                 WHERE f.not_before = 'infinity' AND f.workspace_id = $1 AND f.user_id = ring.user_id
                                 ORDER BY f.priority DESC, f.seq LIMIT 1 FOR UPDATE SKIP LOCKED) first))
  RETURNING q.user_id)sql");

pg::Statement unpark_any_statement(R"sql(
  UPDATE atelier.queue q SET not_before = '-infinity', workspace_id = NULL
   WHERE q.ctid = ANY (ARRAY (
           SELECT f.ctid FROM atelier.queue f
            WHERE f.not_before = 'infinity' ORDER BY f.workspace_id, f.user_id LIMIT $1 FOR UPDATE SKIP LOCKED))
  RETURNING q.user_id)sql");

pg::Statement waits_statement(R"sql(
  SELECT EXISTS (SELECT FROM atelier.queue)
      OR EXISTS (SELECT FROM atelier.attempts a
                  WHERE a.cancel_requested AND a.state IN ('sending', 'running', 'unknown')))sql");

}  // namespace

std::vector<Waiting> waiting_users(const core::Uuid& after, int32_t most, pg::Timestamp now) {
  pg::Spi spi;
  const pg::Rows rows = users_statement(after, most, now);
  std::vector<Waiting> users;
  users.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) users.push_back({rows[i].get<core::Uuid>(0), rows[i].get<bool>(1)});
  return users;
}

core::Fairness::PerUser own_limits() {
  pg::Spi spi;
  const pg::Rows rows = limits_statement();
  core::Fairness::PerUser limits;
  for (size_t i = 0; i < rows.size(); ++i) limits[rows[i].get<core::Uuid>(0)] = rows[i].get<int32_t>(1);
  return limits;
}

std::vector<core::Uuid> release(pg::Timestamp now, int32_t most) {
  pg::Spi spi;
  return release_statement(now, most).first_column<core::Uuid>();
}

std::optional<pg::Timestamp> next_release() {
  pg::Spi spi;
  const pg::Rows rows = next_release_statement();
  if (rows.empty()) return std::nullopt;
  return rows[0].get<pg::Timestamp>(0);
}

std::vector<core::Uuid> parking_workspaces() {
  pg::Spi spi;
  return parking_statement().first_column<core::Uuid>();
}

std::vector<core::Uuid> unpark(const core::Uuid& workspace, const core::Uuid& after, int32_t most) {
  pg::Spi spi;
  return unpark_statement(workspace, after, most).first_column<core::Uuid>();
}

std::vector<core::Uuid> unpark_any(int32_t most) {
  pg::Spi spi;
  return unpark_any_statement(most).first_column<core::Uuid>();
}

Batch claim(const std::vector<core::Fairness::Turn>& turns, const std::vector<int32_t>& tokens, const Limits& limits,
            const core::Workspaces& workspaces, pg::Timestamp now) {
  std::vector<core::Uuid> ids;
  std::vector<int32_t> rooms;
  for (const core::Fairness::Turn& turn : turns) {
    ids.push_back(turn.user);
    rooms.push_back(turn.most);
  }
  pg::Spi spi;
  std::vector<core::Uuid> known;
  std::vector<int32_t> left;
  std::vector<bool> parked;
  if (workspaces.limit() > 0) {
    for (const core::Workspaces::State& one : workspaces.all()) {
      known.push_back(one.workspace);
      left.push_back(one.room);
      parked.push_back(one.parked);
    }
  }
  const pg::Rows rows = claim_statement(ids, rooms, now, tokens, limits.lease_until, limits.image_deadline,
                                        limits.video_deadline, known, left, parked, workspaces.limit());
  Batch batch;
  batch.claimed.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const pg::Row row = rows[i];
    const auto attempt = row.maybe<int64_t>(0);
    const auto workspace = row.maybe<core::Uuid>(13);
    if (!attempt) {
      const auto user = row.get<core::Uuid>(2);
      if (workspace) {
        batch.parked.push_back({user, *workspace});
      } else {
        batch.dropped.push_back(user);
      }
      continue;
    }
    batch.claimed.push_back({*attempt, row.get<core::Uuid>(1), row.get<core::Uuid>(2), row.get<int16_t>(3),
                             row.get<int32_t>(4), row.get<std::string>(5), row.get<std::string>(6),
                             row.get<std::string>(7), row.get<int32_t>(8), row.get<bool>(9), row.get<int64_t>(11),
                             row.get<int16_t>(12), now, row.get<pg::Timestamp>(10), workspace});
  }
  return batch;
}

bool anything_waits() {
  pg::Spi spi;
  return waits_statement()[0].get<bool>(0);
}

}  // namespace atelier::store::claims
