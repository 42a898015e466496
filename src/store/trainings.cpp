// SPDX-License-Identifier: PostgreSQL
#include "store/trainings.hpp"

#include "pg/spi.hpp"
#include "pg/transaction.hpp"
#include "store/identity.hpp"

namespace atelier::store::trainings {

namespace {

pg::Statement user_statement(R"sql(SELECT l.user_id FROM @app@.user_loras l WHERE l.id = $1)sql");

pg::Statement start_statement(R"sql(SELECT atelier.begin_lora_training($1))sql");

pg::Statement open_statement(R"sql(
  SELECT t.id, t.lora_id, t.user_id, t.state, t.trainer, t.version, t.token_id, t.input::text, t.training_id,
         t.sent_at, t.deadline,
         t.disowned OR l.id IS NULL OR l.deleted_at IS NOT NULL OR l.status NOT IN ('uploading', 'training')
           OR (t.state = 'queued' AND l.status <> 'uploading'),
         coalesce(u.is_active, false) AND atelier.reached_budget(t.user_id) IS NULL,
         coalesce(l.trigger_word, ''), coalesce(l.type, ''), coalesce(l.name, '')
    FROM atelier.trainings t
    LEFT JOIN @app@.user_loras l ON l.id = t.lora_id AND l.user_id = t.user_id
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

pg::Statement expired_statement(R"sql(
  UPDATE atelier.trainings SET state = 'unknown', lease_until = NULL, error = 'nobody has recorded the answer in time'
   WHERE state = 'sending' AND lease_until < $1)sql");

pg::Statement disown_statement(R"sql(
  UPDATE atelier.trainings SET disowned = true
   WHERE lora_id = $1 AND state IN ('queued', 'sending', 'unknown', 'running'))sql");

pg::Statement claim_statement(R"sql(
  UPDATE atelier.trainings t
     SET state = 'sending', number = t.number + 1, token_id = $2, account = $3, destination = $4, file_id = $5,
         input = $6::text::jsonb, sent_at = $7, lease_until = $8, deadline = $9, error = NULL
   WHERE t.id = $1 AND t.state = 'queued' AND NOT t.disowned AND atelier.reached_budget(t.user_id) IS NULL
     AND EXISTS (SELECT FROM @app@.users u WHERE u.id = t.user_id AND u.is_active)
     AND EXISTS (SELECT FROM @app@.user_loras l
                  WHERE l.id = t.lora_id AND l.user_id = t.user_id AND l.status = 'uploading' AND l.deleted_at IS NULL
                    FOR KEY SHARE)
  RETURNING t.id)sql");

pg::Statement accept_statement(R"sql(
  UPDATE atelier.trainings t SET state = 'running', training_id = $2, lease_until = NULL, error = NULL
   WHERE t.id = $1 AND t.state IN ('sending', 'unknown'))sql");

pg::Statement adopt_statement(R"sql(
  UPDATE atelier.trainings t
     SET state = 'running', training_id = $3, number = greatest(t.number, 1), token_id = $4, account = $5,
         input = coalesce($6::text::jsonb, t.input), sent_at = $7, deadline = $8, lease_until = NULL, error = NULL
   WHERE t.id = $1 AND t.lora_id = $2 AND t.state IN ('queued', 'sending', 'unknown'))sql");

// An id that the app has written elsewhere stays there.
pg::Statement show_accepted_statement(R"sql(
  UPDATE @app@.user_loras l
     SET status = 'training', training_started_at = t.sent_at,
         replicate_training_id = CASE WHEN NOT EXISTS (SELECT FROM @app@.user_loras o
                                                        WHERE o.replicate_training_id = t.training_id)
                                      THEN t.training_id END
    FROM atelier.trainings t
   WHERE t.id = $1 AND NOT t.disowned
     AND l.id = t.lora_id AND l.user_id = t.user_id AND l.status = 'uploading' AND l.deleted_at IS NULL)sql");

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
  UPDATE atelier.trainings t
     SET state = $2, ended_at = now(), error = $3, predict_time = $4, cost_usd = $5::text::numeric, lease_until = NULL
   WHERE t.id = $1 AND t.state IN ('queued', 'sending', 'unknown', 'running')
  RETURNING t.user_id)sql");

pg::Statement show_end_statement(R"sql(
  UPDATE @app@.user_loras l
     SET status = CASE $2 WHEN 'succeeded' THEN 'completed' ELSE 'failed' END,
         error_message = $5,
         lora_url = coalesce($3, l.lora_url), replicate_model_url = coalesce($4, l.replicate_model_url),
         training_completed_at = CASE $2 WHEN 'succeeded' THEN now() END
    FROM atelier.trainings t
   WHERE t.id = $1 AND NOT t.disowned AND l.id = t.lora_id AND l.user_id = t.user_id
     AND l.status IN ('uploading', 'training') AND l.deleted_at IS NULL
  RETURNING l.user_id, l.name)sql");

pg::Statement note_error_statement(R"sql(
  UPDATE atelier.trainings t SET error = concat_ws('; ', t.error, $2::text) WHERE t.id = $1)sql");

// A row that cannot be written costs the training nothing but that.
template <typename Body>
void try_to_show(int64_t id, Body&& body) {
  const auto error = pg::in_subtransaction(std::forward<Body>(body));
  if (!error) return;
  if (error->passes_by_itself()) throw pg::Error(*error);
  const std::string what = std::string("the row of user_loras could not be written: ") + error->what();
  pg::report(pg::Level::warning, "atelier: training " + std::to_string(id) + ": " + what);
  note_error_statement(id, what);
}

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
    found.push_back({row.get<int64_t>(0), row.get<core::Uuid>(1), row.get<core::Uuid>(2), row.get<std::string>(3),
                     row.get<std::string>(4), row.get<std::string>(5), row.maybe<int32_t>(6), row.maybe<std::string>(7),
                     row.maybe<std::string>(8), row.maybe<pg::Timestamp>(9).value_or(pg::Timestamp{0}).us,
                     row.maybe<pg::Timestamp>(10).value_or(pg::Timestamp{0}).us, row.get<bool>(11), row.get<bool>(12),
                     row.get<std::string>(13), row.get<std::string>(14), row.get<std::string>(15)});
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

uint64_t orphan_expired(pg::Timestamp now) {
  const pg::Spi spi;
  return expired_statement(now).affected();
}

bool disown(const core::Uuid& lora) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  // Before the step that has brought the table.
  return identity::has_step("trainings") && disown_statement(lora).affected() > 0;
}

bool claim(const Claim& claim) {
  const pg::Spi spi;
  return !claim_statement(claim.id, claim.token, claim.account, claim.destination, claim.file_id, claim.input,
                          claim.sent_at, claim.lease_until, claim.deadline)
              .empty();
}

void accept(int64_t id, const std::string& training_id) {
  const pg::Spi spi;
  if (accept_statement(id, training_id).affected() > 0) try_to_show(id, [&] { show_accepted_statement(id); });
}

bool adopt(const Found& found) {
  const pg::Spi spi;
  if (adopt_statement(found.id, found.lora, found.training_id, found.token, found.account, found.input, found.sent_at,
                      found.deadline)
          .affected() == 0)
    return false;
  try_to_show(found.id, [&] { show_accepted_statement(found.id); });
  return true;
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
  return owned_statement(training_ids).first_column<std::string>();
}

std::optional<Finished> finish(const End& end) {
  const pg::Spi spi;
  const pg::Rows ended = finish_statement(end.id, end.state, end.error, end.predict_time, end.cost_usd);
  if (ended.empty()) return std::nullopt;
  Finished finished{ended[0].get<core::Uuid>(0), std::nullopt};
  try_to_show(end.id, [&] {
    const pg::Rows rows = show_end_statement(end.id, end.state, end.lora_url, end.model_version, end.message);
    if (!rows.empty()) finished.told = Told{rows[0].get<core::Uuid>(0), rows[0].get<std::string>(1)};
  });
  return finished;
}

}  // namespace atelier::store::trainings
