// SPDX-License-Identifier: PostgreSQL
#include "store/queue.hpp"

#include "pg/index_probe.hpp"
#include "pg/spi.hpp"
#include "pg/transaction.hpp"
#include "store/identity.hpp"

namespace atelier::store::queue {

namespace {

pg::Statement add_statement(R"sql(
  INSERT INTO atelier.queue (generation_id, user_id, priority, series)
  SELECT $1, $2, $3,
         (SELECT coalesce(max(a.series), 0) + 1 FROM atelier.attempts a WHERE a.generation_id = $1)::smallint
  ON CONFLICT (generation_id) DO NOTHING)sql");

// Before the step that has brought the series.
pg::Statement add_without_series_statement(R"sql(
  INSERT INTO atelier.queue (generation_id, user_id, priority) VALUES ($1, $2, $3)
  ON CONFLICT (generation_id) DO NOTHING)sql");

pg::Statement remove_statement(R"sql(DELETE FROM atelier.queue WHERE generation_id = $1)sql");

// The index of the open attempts is not for these; see store/attempts.cpp.
pg::Statement cancel_statement(R"sql(
  UPDATE atelier.attempts SET cancel_requested = true
   WHERE generation_id = $1 AND coalesce(state, '') IN ('sending', 'running', 'unknown'))sql");

pg::Statement disown_statement(R"sql(
  UPDATE atelier.attempts SET cancel_requested = true, disowned = true
   WHERE generation_id = $1 AND coalesce(state, '') IN ('sending', 'running', 'unknown'))sql");

pg::Statement hold_statement(R"sql(SELECT FROM atelier.queue WHERE generation_id = $1 FOR UPDATE)sql");

pg::Statement keep_statement(R"sql(
  UPDATE atelier.attempts SET model = $2, input = $3
   WHERE generation_id = $1 AND coalesce(state, '') IN ('sending', 'unknown') AND input IS NULL)sql");

// Before the step that has brought the mark.
pg::Statement cancel_gone_unmarked_statement(R"sql(
  UPDATE atelier.attempts a SET cancel_requested = true
   WHERE a.state IN ('sending', 'running', 'unknown')
     AND NOT EXISTS (SELECT FROM @app@.generations g WHERE g.id = a.generation_id))sql");

pg::Statement any_statement(R"sql(SELECT EXISTS (SELECT FROM atelier.attempts WHERE generation_id = $1))sql");

pg::Statement used_statement(R"sql(
  SELECT EXISTS (SELECT FROM atelier.attempts WHERE generation_id = $1)
      OR EXISTS (SELECT FROM atelier.credit_entries WHERE generation_id = $1))sql");

pg::Statement open_statement(R"sql(
  SELECT EXISTS (SELECT FROM atelier.attempts
                  WHERE generation_id = $1 AND coalesce(state, '') IN ('sending', 'running', 'unknown')))sql");

pg::Statement clear_statement(R"sql(
  DELETE FROM atelier.queue q WHERE NOT EXISTS (SELECT FROM @app@.generations g WHERE g.id = q.generation_id))sql");

pg::Statement cancel_gone_statement(R"sql(
  UPDATE atelier.attempts a SET cancel_requested = true, disowned = true
   WHERE a.state IN ('sending', 'running', 'unknown')
     AND NOT EXISTS (SELECT FROM @app@.generations g WHERE g.id = a.generation_id))sql");

bool affects_rows(pg::Statement& statement, const core::Uuid& generation) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  return statement(generation).affected() > 0;
}

bool says_yes(pg::Statement& statement, const core::Uuid& generation) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  return statement(generation)[0].get<bool>(0);
}

bool may_have_attempt(const core::Uuid& generation) {
  return pg::may_have_row("attempts_generation_id_idx", core::to_datum(generation));
}

}  // namespace

void add(const core::Uuid& generation, const core::Uuid& user, int16_t priority) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  (identity::has_step("money") ? add_statement : add_without_series_statement)(generation, user, priority);
}

void clear() {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  clear_statement();
  (identity::has_step("webhooks") ? cancel_gone_statement : cancel_gone_unmarked_statement)();
}

bool remove(const core::Uuid& generation) { return affects_rows(remove_statement, generation); }
bool request_cancel(const core::Uuid& generation) {
  return may_have_attempt(generation) && affects_rows(cancel_statement, generation);
}
bool disown(const core::Uuid& generation) {
  // Before the step that has brought the column.
  pg::Statement& statement = identity::has_step("webhooks") ? disown_statement : cancel_statement;
  return may_have_attempt(generation) && affects_rows(statement, generation);
}
void keep_sent(const core::Uuid& generation, const std::string& model, const pg::Jsonb& input) {
  if (!identity::has_step("webhooks")) return;
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  hold_statement(generation);
  keep_statement(generation, model, input);
}

bool has_attempt(const core::Uuid& generation) {
  return may_have_attempt(generation) && says_yes(any_statement, generation);
}
bool is_used(const core::Uuid& generation) {
  if (!identity::has_step("money")) return has_attempt(generation);
  return (may_have_attempt(generation) || pg::may_have_row("credit_entries_pkey", core::to_datum(generation))) &&
         says_yes(used_statement, generation);
}
bool has_open_attempt(const core::Uuid& generation) {
  return may_have_attempt(generation) && says_yes(open_statement, generation);
}

}  // namespace atelier::store::queue
