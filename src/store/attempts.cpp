// SPDX-License-Identifier: PostgreSQL
#include "store/attempts.hpp"

#include "pg/error.hpp"
#include "pg/spi.hpp"

namespace atelier::store::attempts {

namespace {

// All of them, or those that should have been looked at before a time.
pg::Statement open_statement(R"sql(
  SELECT a.id, a.generation_id, a.user_id, a.number, coalesce(a.token_id, 0), a.state, a.cancel_requested, a.sent_at,
         a.deadline, coalesce(a.prediction_id, ''), g.id IS NOT NULL, coalesce(a.model, g.replicate_model, ''),
         coalesce(g.action, ''),
         (SELECT count(b.prediction_id)::integer FROM atelier.attempts b
           WHERE b.generation_id = a.generation_id AND b.series = a.series AND b.number < a.number),
         a.series, coalesce(g.is_keyframe_segment, false), g.workspace_id
    FROM atelier.attempts a
    LEFT JOIN @app@.generations g ON g.id = a.generation_id
   WHERE a.state IN ('sending', 'running', 'unknown')
     AND ($1::timestamptz IS NULL OR a.state = 'unknown' OR a.deadline < $1 OR a.lease_until < $1)
   ORDER BY a.id)sql");

pg::Statement input_statement(R"sql(
  SELECT a.id, coalesce(a.input, g.replicate_input, '{}')::text
    FROM atelier.attempts a LEFT JOIN @app@.generations g ON g.id = a.generation_id
   WHERE a.id = ANY ($1::bigint[]) AND (g.id IS NOT NULL OR a.input IS NOT NULL))sql");

// Where a row is meant by its key, the condition on the state is none that the index of the open ones has: a plan that
// was made while nothing was open would go through all of them.
pg::Statement advance_statement(R"sql(
  UPDATE atelier.attempts a
     SET state = n.state,
         prediction_id = coalesce(n.prediction_id, a.prediction_id),
         http_status = coalesce(n.http_status, a.http_status),
         error = coalesce(n.error, a.error),
         predict_time = coalesce(n.predict_time, a.predict_time),
         cost_usd = coalesce(n.cost_usd::numeric, a.cost_usd),
         cost_rule = coalesce(n.cost_rule, a.cost_rule),
         lease_until = NULL,
         model = CASE WHEN n.state IN ('sending', 'unknown') THEN a.model END,
         input = CASE WHEN n.state IN ('sending', 'unknown') THEN a.input END,
         ended_at = CASE WHEN n.state IN ('sending', 'running', 'unknown') THEN NULL ELSE $9 END
    FROM unnest($1::bigint[], $2::text[], $3::text[], $4::smallint[], $5::text[], $6::float8[],
                $7::text[], $8::text[])
         AS n(id, state, prediction_id, http_status, error, predict_time, cost_usd, cost_rule)
   WHERE a.id = n.id AND coalesce(a.state, '') IN ('sending', 'running', 'unknown')
  RETURNING a.id, a.disowned)sql");

pg::Statement progress_statement(R"sql(
  UPDATE atelier.attempts a SET percent = n.percent
    FROM unnest($1::bigint[], $2::smallint[]) AS n(id, percent)
   WHERE a.id = n.id AND coalesce(a.state, '') = 'running')sql");

pg::Statement token_statement(R"sql(
  UPDATE atelier.attempts SET token_id = $2 WHERE id = $1 AND coalesce(state, '') = 'sending')sql");

pg::Statement deadline_statement(R"sql(
  UPDATE atelier.attempts SET deadline = $2 WHERE id = $1 AND coalesce(state, '') = 'sending')sql");

pg::Statement orphan_all_statement(R"sql(
  UPDATE atelier.attempts SET state = 'unknown', lease_until = NULL WHERE state = 'sending')sql");

pg::Statement orphan_expired_statement(R"sql(
  UPDATE atelier.attempts SET state = 'unknown', lease_until = NULL WHERE state = 'sending' AND lease_until < $1)sql");

pg::Statement cancel_statement(R"sql(
  SELECT a.id FROM atelier.attempts a
   WHERE a.cancel_requested AND a.state IN ('sending', 'running', 'unknown'))sql");

pg::Statement owned_statement(R"sql(
  SELECT a.prediction_id FROM atelier.attempts a
   WHERE a.sent_at >= $2 AND a.prediction_id = ANY ($1::text[])
  UNION
  SELECT g.replicate_prediction_id FROM @app@.generations g WHERE g.replicate_prediction_id = ANY ($1::text[]))sql");

std::vector<OpenAttempt> open_before(const std::optional<pg::Timestamp>& overdue) {
  pg::Spi spi;
  const pg::Rows rows = open_statement(overdue);
  std::vector<OpenAttempt> open;
  open.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const pg::Row row = rows[i];
    const auto state = core::parse_attempt_state(row.get<std::string>(5));
    if (!state) pg::fail(pg::Code::internal_error, "unknown attempt state in atelier.attempts");
    open.push_back({row.get<int64_t>(0), row.get<core::Uuid>(1), row.get<core::Uuid>(2), row.get<int16_t>(3),
                    row.get<int32_t>(4), *state, row.get<bool>(6), row.get<pg::Timestamp>(7), row.get<pg::Timestamp>(8),
                    row.get<std::string>(9), row.get<bool>(10), row.get<std::string>(11), row.get<std::string>(12),
                    row.get<int32_t>(13), row.get<int16_t>(14), row.get<bool>(15), row.maybe<core::Uuid>(16)});
  }
  return open;
}

}  // namespace

std::vector<OpenAttempt> open_attempts() { return open_before(std::nullopt); }
std::vector<OpenAttempt> neglected_attempts(pg::Timestamp overdue) { return open_before(overdue); }

std::vector<std::pair<int64_t, std::string>> inputs_of(const std::vector<int64_t>& attempts) {
  pg::Spi spi;
  const pg::Rows rows = input_statement(attempts);
  std::vector<std::pair<int64_t, std::string>> inputs;
  inputs.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) inputs.emplace_back(rows[i].get<int64_t>(0), rows[i].get<std::string>(1));
  return inputs;
}

std::vector<Advanced> advance(const std::vector<Step>& steps, pg::Timestamp now) {
  std::vector<int64_t> ids;
  std::vector<std::string> states;
  std::vector<std::optional<std::string>> predictions, errors, costs, rules;
  std::vector<std::optional<int16_t>> statuses;
  std::vector<std::optional<double>> times;
  for (const Step& step : steps) {
    ids.push_back(step.attempt);
    states.emplace_back(core::name(step.state));
    predictions.push_back(step.prediction_id);
    statuses.push_back(step.http_status);
    errors.push_back(step.error);
    times.push_back(step.predict_time);
    costs.push_back(step.cost_usd);
    rules.push_back(step.cost_rule);
  }
  pg::Spi spi;
  const pg::Rows rows = advance_statement(ids, states, predictions, statuses, errors, times, costs, rules, now);
  std::vector<Advanced> advanced;
  advanced.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) advanced.push_back({rows[i].get<int64_t>(0), rows[i].get<bool>(1)});
  return advanced;
}

void note_progress(const std::vector<Progress>& progress) {
  std::vector<int64_t> ids;
  std::vector<int16_t> percents;
  for (const Progress& one : progress) {
    ids.push_back(one.attempt);
    percents.push_back(one.percent);
  }
  pg::Spi spi;
  progress_statement(ids, percents);
}

void set_token(int64_t attempt, int32_t token) {
  pg::Spi spi;
  token_statement(attempt, token);
}

void set_deadline(int64_t attempt, pg::Timestamp deadline) {
  pg::Spi spi;
  deadline_statement(attempt, deadline);
}

uint64_t orphan_all_sending() {
  pg::Spi spi;
  return orphan_all_statement().affected();
}

uint64_t orphan_expired(pg::Timestamp now) {
  pg::Spi spi;
  return orphan_expired_statement(now).affected();
}

std::vector<int64_t> cancel_requests() {
  pg::Spi spi;
  return cancel_statement().first_column<int64_t>();
}

std::vector<std::string> owned_predictions(const std::vector<std::string>& prediction_ids, pg::Timestamp since) {
  pg::Spi spi;
  return owned_statement(prediction_ids, since).first_column<std::string>();
}

#ifdef ATELIER_FAULT_POINTS
void break_fences(const std::vector<int64_t>& attempts) {
  static pg::Statement reopen(R"sql(
    UPDATE atelier.attempts SET state = 'running', ended_at = NULL
     WHERE id = ANY ($1::bigint[]) AND state NOT IN ('sending', 'running', 'unknown'))sql");
  static pg::Statement restart(R"sql(
    UPDATE @app@.generations g SET status = 'processing'
      FROM atelier.attempts a
     WHERE a.id = ANY ($1::bigint[]) AND g.id = a.generation_id
       AND g.status IN ('completed', 'failed', 'cancelled'))sql");
  pg::Spi spi;
  reopen(attempts);
  restart(attempts);
}
#endif

}  // namespace atelier::store::attempts
