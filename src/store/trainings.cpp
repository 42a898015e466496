// SPDX-License-Identifier: PostgreSQL
#include "store/trainings.hpp"

#include "pg/spi.hpp"
#include "pg/transaction.hpp"

namespace atelier::store::trainings {

namespace {

pg::Statement user_statement(R"sql(SELECT l.user_id FROM @app@.user_loras l WHERE l.id = $1)sql");

pg::Statement start_statement(R"sql(SELECT atelier.begin_lora_training($1))sql");

pg::Statement open_statement(R"sql(
  SELECT t.id, t.lora_id, t.state, t.trainer, t.version, t.token_id, t.input::text, t.training_id, t.sent_at,
         t.deadline, l.id IS NULL OR l.deleted_at IS NOT NULL OR l.status NOT IN ('uploading', 'training'),
         coalesce(u.is_active, false), coalesce(l.trigger_word, ''), coalesce(l.type, ''), coalesce(l.name, '')
    FROM atelier.trainings t
    LEFT JOIN @app@.user_loras l ON l.id = t.lora_id
    LEFT JOIN @app@.users u ON u.id = t.user_id
   WHERE t.state IN ('queued', 'sending', 'unknown', 'running')
   ORDER BY t.id)sql");

pg::Statement any_statement(R"sql(
  SELECT EXISTS (SELECT FROM atelier.trainings t WHERE t.state IN ('queued', 'sending', 'unknown', 'running')))sql");

pg::Statement pictures_statement(R"sql(
  SELECT i.image_url, coalesce(i.caption, '') FROM @app@.lora_training_images i
   WHERE i.lora_id = $1 ORDER BY i.created_at, i.ctid)sql");

pg::Statement orphan_statement(R"sql(
  UPDATE atelier.trainings SET state = 'unknown', error = 'the process that sent it has ended'
   WHERE state = 'sending')sql");

pg::Statement claim_statement(R"sql(
  UPDATE atelier.trainings t
     SET state = 'sending', number = t.number + 1, token_id = $2, account = $3, destination = $4, file_id = $5,
         input = $6::text::jsonb, sent_at = $7, lease_until = $8, deadline = $9, error = NULL
   WHERE t.id = $1 AND t.state = 'queued'
     AND EXISTS (SELECT FROM @app@.user_loras l
                  WHERE l.id = t.lora_id AND l.status = 'uploading' AND l.deleted_at IS NULL FOR KEY SHARE)
  RETURNING t.id)sql");

pg::Statement accept_statement(R"sql(
  WITH accepted AS (
    UPDATE atelier.trainings t SET state = 'running', training_id = $2, lease_until = NULL, error = NULL
     WHERE t.id = $1 AND t.state IN ('sending', 'unknown')
    RETURNING t.lora_id, t.sent_at)
  UPDATE @app@.user_loras l
     SET status = 'training', replicate_training_id = $2, training_started_at = a.sent_at
    FROM accepted a
   WHERE l.id = a.lora_id AND l.status = 'uploading')sql");

pg::Statement lose_statement(R"sql(
  UPDATE atelier.trainings t SET state = 'unknown', error = $2 WHERE t.id = $1 AND t.state = 'sending')sql");

pg::Statement back_statement(R"sql(
  UPDATE atelier.trainings t
     SET state = 'queued', error = $2, token_id = NULL, account = NULL, file_id = NULL, input = NULL, lease_until = NULL
   WHERE t.id = $1 AND t.state IN ('sending', 'unknown'))sql");

pg::Statement owned_statement(R"sql(
  SELECT t.training_id FROM atelier.trainings t WHERE t.training_id = ANY ($1::text[])
  UNION
  SELECT l.replicate_training_id FROM @app@.user_loras l WHERE l.replicate_training_id = ANY ($1::text[]))sql");

pg::Statement finish_statement(R"sql(
  WITH ended AS (
    UPDATE atelier.trainings t
       SET state = $2, ended_at = now(), error = $3, predict_time = $4, cost_usd = $5::text::numeric, lease_until = NULL
     WHERE t.id = $1 AND t.state IN ('queued', 'sending', 'unknown', 'running')
    RETURNING t.lora_id)
  UPDATE @app@.user_loras l
     SET status = CASE $2 WHEN 'succeeded' THEN 'completed' ELSE 'failed' END,
         error_message = $8,
         lora_url = coalesce($6, l.lora_url), replicate_model_url = coalesce($7, l.replicate_model_url),
         training_completed_at = CASE $2 WHEN 'succeeded' THEN now() END
    FROM ended e
   WHERE l.id = e.lora_id AND l.status IN ('uploading', 'training') AND l.deleted_at IS NULL
  RETURNING l.user_id, l.name)sql");

}  // namespace

std::optional<core::Uuid> user_of(const core::Uuid& lora) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  const pg::Rows rows = user_statement(lora);
  if (rows.empty()) return std::nullopt;
  return rows[0].get<core::Uuid>(0);
}

std::string start(const core::Uuid& lora) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  return start_statement(lora)[0].get<std::string>(0);
}

std::vector<Open> open() {
  const pg::Spi spi;
  const pg::Rows rows = open_statement();
  std::vector<Open> found;
  found.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const pg::Row row = rows[i];
    found.push_back({row.get<int64_t>(0), row.get<core::Uuid>(1), row.get<std::string>(2), row.get<std::string>(3),
                     row.get<std::string>(4), row.maybe<int32_t>(5), row.maybe<std::string>(6),
                     row.maybe<std::string>(7), row.maybe<pg::Timestamp>(8).value_or(pg::Timestamp{0}).us,
                     row.maybe<pg::Timestamp>(9).value_or(pg::Timestamp{0}).us, row.get<bool>(10), row.get<bool>(11),
                     row.get<std::string>(12), row.get<std::string>(13), row.get<std::string>(14)});
  }
  return found;
}

bool any_open() {
  const pg::Spi spi;
  return any_statement()[0].get<bool>(0);
}

std::vector<Picture> pictures(const core::Uuid& lora) {
  const pg::Spi spi;
  const pg::Rows rows = pictures_statement(lora);
  std::vector<Picture> found;
  for (size_t i = 0; i < rows.size(); ++i) found.push_back({rows[i].get<std::string>(0), rows[i].get<std::string>(1)});
  return found;
}

void orphan_sending() {
  const pg::Spi spi;
  orphan_statement();
}

bool claim(const Claim& claim) {
  const pg::Spi spi;
  return !claim_statement(claim.id, claim.token, claim.account, claim.destination, claim.file_id, claim.input,
                          claim.sent_at, claim.lease_until, claim.deadline)
              .empty();
}

void accept(int64_t id, const std::string& training_id) {
  const pg::Spi spi;
  accept_statement(id, training_id);
}

void lose(int64_t id, const std::string& error) {
  const pg::Spi spi;
  lose_statement(id, error);
}

void give_back(int64_t id, const std::string& error) {
  const pg::Spi spi;
  back_statement(id, error);
}

std::vector<std::string> owned(const std::vector<std::string>& training_ids) {
  const pg::Spi spi;
  const pg::Rows rows = owned_statement(training_ids);
  std::vector<std::string> found;
  for (size_t i = 0; i < rows.size(); ++i) found.push_back(rows[i].get<std::string>(0));
  return found;
}

std::optional<Told> finish(const End& end) {
  const pg::Spi spi;
  const pg::Rows rows = finish_statement(end.id, end.state, end.error, end.predict_time, end.cost_usd, end.lora_url,
                                         end.model_version, end.message);
  if (rows.empty()) return std::nullopt;
  return Told{rows[0].get<core::Uuid>(0), rows[0].get<std::string>(1)};
}

}  // namespace atelier::store::trainings
