// SPDX-License-Identifier: PostgreSQL
#include "store/survey.hpp"

#include <set>

#include "pg/spi.hpp"
#include "store/attempts.hpp"

namespace atelier::store::survey {

namespace {

// An attempt that is missing here was made after the last one that is there, and after its generation.
pg::Statement last_known_statement(R"sql(
  SELECT least(clock_timestamp(),
               greatest((SELECT a.sent_at FROM atelier.attempts a ORDER BY a.id DESC LIMIT 1),
                        (SELECT min(g.created_at)
                           FROM atelier.queue q JOIN @app@.generations g ON g.id = q.generation_id)),
               CASE WHEN NOT EXISTS (SELECT FROM atelier.attempts) AND NOT EXISTS (SELECT FROM atelier.queue)
                    THEN clock_timestamp() END))sql");

// $6: only predictions that name the generation's model.
pg::Statement adopt_statement(R"sql(
  WITH seen AS MATERIALIZED (
    SELECT s.id, s.input, s.token, s.model, s.created_at, s.deadline,
           row_number() OVER (PARTITION BY s.input, CASE WHEN $6 THEN s.model END ORDER BY s.created_at, s.id) AS nth
      FROM (SELECT n.id, n.input::jsonb AS input, n.token, n.model, n.created_at, n.deadline
              FROM unnest($1::text[], $2::text[], $3::integer[], $4::text[], $5::timestamptz[], $9::timestamptz[])
                   AS n(id, input, token, model, created_at, deadline)) s),
  waiting AS MATERIALIZED (
    SELECT w.id, w.user_id, w.action, w.input, w.model,
           row_number() OVER (PARTITION BY w.input, CASE WHEN $6 THEN w.model END ORDER BY w.seq) AS nth
      FROM (SELECT g.id, g.user_id, g.action, coalesce(g.replicate_input, '{}') AS input,
                   split_part(g.replicate_model, ':', 1) AS model, q.seq
              FROM atelier.queue q
              JOIN @app@.generations g ON g.id = q.generation_id
             WHERE g.status IN ('queued', 'processing')
               AND coalesce(g.replicate_input, '{}') IN (SELECT seen.input FROM seen)) w),
  pairs AS MATERIALIZED (
    SELECT w.id AS generation_id, w.user_id, w.action, s.id AS prediction_id, s.token, s.created_at, s.deadline
      FROM waiting w JOIN seen s ON s.input = w.input AND s.nth = w.nth AND (NOT $6 OR s.model = w.model)),
  taken AS (
    DELETE FROM atelier.queue q USING pairs p WHERE q.generation_id = p.generation_id
    RETURNING q.generation_id, q.series),
  made AS (
    INSERT INTO atelier.attempts (generation_id, user_id, number, series, token_id, state, sent_at, deadline,
                                  prediction_id)
    SELECT p.generation_id, p.user_id,
           coalesce((SELECT max(a.number) FROM atelier.attempts a WHERE a.generation_id = p.generation_id), 0) + 1,
           t.series, p.token, 'running', p.created_at,
           coalesce(p.deadline, p.created_at + make_interval(
             secs => CASE WHEN p.action LIKE 'video%' THEN $8::bigint ELSE $7::bigint END)),
           p.prediction_id
      FROM pairs p JOIN taken t ON t.generation_id = p.generation_id)
  UPDATE @app@.generations g
     SET status = 'processing', replicate_prediction_id = p.prediction_id, replicate_token_index = p.token
    FROM pairs p JOIN taken t ON t.generation_id = p.generation_id
   WHERE g.id = p.generation_id AND g.status IN ('queued', 'processing')
  RETURNING p.prediction_id)sql");

pg::Statement trainings_statement(R"sql(
  SELECT t.id, t.lora_id, coalesce(l.trigger_word, ''), t.created_at
    FROM atelier.trainings t LEFT JOIN @app@.user_loras l ON l.id = t.lora_id
   WHERE t.state IN ('queued', 'sending', 'unknown'))sql");

pg::Statement waits_statement(R"sql(SELECT EXISTS (SELECT FROM atelier.queue))sql");

// Attempts that were sent before `since` may still have been running then.
constexpr int64_t kLongestUs = int64_t{24} * 3600 * 1'000'000;

}  // namespace

pg::Timestamp last_known() {
  pg::Spi spi;
  return last_known_statement()[0].get<pg::Timestamp>(0);
}

std::vector<OpenTraining> open_trainings() {
  pg::Spi spi;
  const pg::Rows rows = trainings_statement();
  std::vector<OpenTraining> open;
  for (size_t i = 0; i < rows.size(); ++i)
    open.push_back({rows[i].get<int64_t>(0), rows[i].get<core::Uuid>(1), rows[i].get<std::string>(2),
                    rows[i].get<pg::Timestamp>(3)});
  return open;
}

Outcome adopt(const std::vector<Seen>& seen, pg::Timestamp since, int64_t image_deadline_s, int64_t video_deadline_s) {
  std::vector<std::string> ids;
  for (const Seen& one : seen) ids.push_back(one.prediction_id);
  const std::vector<std::string> owned = attempts::owned_predictions(ids, {since.us - kLongestUs});
  std::set<std::string> gone(owned.begin(), owned.end());

  Outcome outcome;
  pg::Spi spi;
  // The whole queue is compared with the whole list, once.
  pg::execute_once("SET LOCAL enable_hashjoin = on");
  pg::execute_once("SET LOCAL enable_seqscan = on");
  for (const bool by_model : {true, false}) {
    std::vector<std::string> free_ids, inputs, models;
    std::vector<int32_t> tokens;
    std::vector<pg::Timestamp> times;
    std::vector<std::optional<pg::Timestamp>> deadlines;
    for (const Seen& one : seen) {
      if (!one.input || gone.count(one.prediction_id) != 0) continue;
      free_ids.push_back(one.prediction_id);
      inputs.push_back(*one.input);
      tokens.push_back(one.token);
      models.push_back(one.model);
      times.push_back(one.created_at);
      deadlines.push_back(one.deadline);
    }
    if (free_ids.empty()) break;
    const pg::Rows rows = adopt_statement(free_ids, inputs, tokens, models, times, by_model, image_deadline_s,
                                          video_deadline_s, deadlines);
    for (size_t i = 0; i < rows.size(); ++i) gone.insert(rows[i].get<std::string>(0));
    outcome.adopted += rows.size();
  }
  if (waits_statement()[0].get<bool>(0))
    for (const Seen& one : seen)
      if (!one.input && gone.count(one.prediction_id) == 0 && one.created_at.us >= since.us) ++outcome.unreadable;
  return outcome;
}

}  // namespace atelier::store::survey
