// SPDX-License-Identifier: PostgreSQL
#include "store/webhooks.hpp"

#include "pg/spi.hpp"
#include "pg/transaction.hpp"

namespace atelier::store::webhooks {

namespace {

constexpr int32_t kMostNews = 1000;

pg::Statement secrets_statement(R"sql(SELECT s.secret FROM atelier.webhook_secrets s ORDER BY s.account)sql");

// Users write prediction ids into rows of their own, so a generation is believed only where its attempt says the same.
pg::Statement find_statement(R"sql(
  SELECT a.id, a.state IN ('sending', 'running', 'unknown'), false
    FROM atelier.attempts a
   WHERE a.id = $2
     AND (a.prediction_id = $1 OR ($3 AND a.prediction_id IS NULL AND a.state IN ('sending', 'unknown')))
   UNION ALL
  SELECT t.id, t.state IN ('sending', 'running', 'unknown'), true
    FROM atelier.trainings t WHERE t.training_id = $1
   UNION ALL
  SELECT t.id, true, true
    FROM atelier.trainings t
   WHERE t.id = $4 AND $3 AND t.training_id IS NULL AND t.state IN ('sending', 'unknown')
   UNION ALL
  SELECT a.id, a.state IN ('sending', 'running', 'unknown'), false
    FROM @app@.generations g
    JOIN atelier.attempts a ON a.generation_id = g.id AND a.prediction_id = $1
   WHERE g.replicate_prediction_id = $1
   LIMIT 1)sql");

pg::Statement signed_statement(R"sql(
  INSERT INTO atelier.webhook_events (message_id, received_at, attempt_id, training_id, noticed, prediction_id)
  VALUES ($1, clock_timestamp(), $2, $3, $4, $5)
  ON CONFLICT (message_id) DO NOTHING)sql");

pg::Statement unsigned_statement(R"sql(
  INSERT INTO atelier.webhook_events (message_id, received_at, attempt_id, training_id, prediction_id)
  VALUES ('unsigned: ' || $1::text, clock_timestamp(), $2, $3, $4)
  ON CONFLICT (message_id) DO UPDATE SET received_at = excluded.received_at, noticed = false
   WHERE webhook_events.received_at <= excluded.received_at - interval '5 s')sql");

pg::Statement take_statement(R"sql(
  UPDATE atelier.webhook_events e SET noticed = true
   WHERE e.message_id = ANY (ARRAY (SELECT w.message_id FROM atelier.webhook_events w
                                     WHERE NOT w.noticed ORDER BY w.received_at LIMIT $1))
  RETURNING e.attempt_id, e.training_id, e.prediction_id)sql");

std::optional<int64_t> attempt_of(const std::optional<Subject>& about) {
  return about && !about->is_training ? std::optional<int64_t>(about->number) : std::nullopt;
}

std::optional<int64_t> training_of(const std::optional<Subject>& about) {
  return about && about->is_training ? std::optional<int64_t>(about->number) : std::nullopt;
}

pg::Statement forget_statement(R"sql(DELETE FROM atelier.webhook_events WHERE received_at < $1)sql");

pg::Statement due_statement(R"sql(
  SELECT s.fetched_at + $2 * interval '1 us' FROM atelier.webhook_secrets s WHERE s.account = $1)sql");

pg::Statement keep_statement(R"sql(
  INSERT INTO atelier.webhook_secrets (account, secret, fetched_at) VALUES ($1, $2, $3)
  ON CONFLICT (account) DO UPDATE SET secret = excluded.secret, fetched_at = excluded.fetched_at
   WHERE webhook_secrets.fetched_at IS NOT NULL)sql");

}  // namespace

std::vector<std::string> secrets() {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  return secrets_statement().first_column<std::string>();
}

std::optional<Subject> find(const std::string& prediction_id, std::optional<int64_t> attempt,
                            std::optional<int64_t> training, bool trusted) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  const pg::Rows rows = find_statement(prediction_id, attempt, trusted, training);
  if (rows.empty()) return std::nullopt;
  return Subject{rows[0].get<int64_t>(0), rows[0].get<bool>(1), rows[0].get<bool>(2)};
}

std::string name_of(const Subject& subject) {
  return (subject.is_training ? "t" : "") + std::to_string(subject.number);
}

bool note_signed(const std::string& message_id, const std::string& prediction_id, const std::optional<Subject>& about) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  return signed_statement(message_id, attempt_of(about), training_of(about), about && !about->open, prediction_id)
             .affected() > 0;
}

bool note_unsigned(const std::string& prediction_id, const Subject& about) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  return unsigned_statement(name_of(about), attempt_of(about), training_of(about), prediction_id).affected() > 0;
}

std::vector<News> take_news() {
  const pg::Spi spi;
  const pg::Rows rows = take_statement(kMostNews);
  std::vector<News> news;
  for (size_t i = 0; i < rows.size(); ++i)
    news.push_back({rows[i].maybe<int64_t>(0), rows[i].maybe<int64_t>(1), rows[i].get<std::string>(2)});
  return news;
}

void forget_before(pg::Timestamp time) {
  const pg::Spi spi;
  forget_statement(time);
}

std::optional<pg::Timestamp> secret_due(const std::string& account, int64_t good_for_us) {
  const pg::Spi spi;
  const pg::Rows rows = due_statement(account, static_cast<double>(good_for_us));
  if (rows.empty()) return pg::Timestamp{0};
  return rows[0].maybe<pg::Timestamp>(0);
}

void keep_secret(const std::string& account, const std::string& secret, pg::Timestamp now) {
  const pg::Spi spi;
  keep_statement(account, secret, now);
}

}  // namespace atelier::store::webhooks
