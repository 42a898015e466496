// SPDX-License-Identifier: PostgreSQL
#include "store/results.hpp"

#include "pg/spi.hpp"

namespace atelier::store::results {

namespace {

pg::Statement write_statement(R"sql(
  UPDATE @app@.generations g
     SET status = n.status,
         replicate_prediction_id = coalesce(n.prediction_id, g.replicate_prediction_id),
         replicate_token_index = coalesce(n.token, g.replicate_token_index),
         started_at = coalesce(g.started_at, n.sent_at),
         output_urls = coalesce(n.output_urls::text[], g.output_urls),
         output_text = coalesce(n.output_text, g.output_text),
         replicate_output = coalesce(n.output::jsonb, g.replicate_output),
         cost_usd = coalesce(n.cost_usd::numeric, g.cost_usd),
         error_message = n.message
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::text[],
                $9::text[], $10::timestamptz[])
         AS n(id, status, prediction_id, token, output_urls, output_text, output, cost_usd, message, sent_at)
   WHERE g.id = n.id AND g.status IN ('queued', 'processing')
  RETURNING g.id, g.user_id, coalesce(g.cost_credits, 1), g.is_keyframe_segment, g.model_name)sql");

pg::Statement evict_statement(R"sql(
  UPDATE @app@.generations g SET replicate_prediction_id = NULL
    FROM unnest($1::uuid[], $2::text[]) AS n(id, prediction_id)
   WHERE g.replicate_prediction_id = n.prediction_id AND g.id <> n.id
     AND NOT EXISTS (SELECT FROM atelier.attempts a
                      WHERE a.generation_id = g.id AND a.prediction_id = n.prediction_id)
  RETURNING g.id, n.id, n.prediction_id)sql");

pg::Statement return_statement(R"sql(
  INSERT INTO atelier.queue (generation_id, user_id, priority, not_before, series, seq) OVERRIDING SYSTEM VALUE
  SELECT g.id, g.user_id,
         CASE WHEN g.settings ->> 'priority' ~ '^-?[0-9]{1,5}$'
              THEN CASE WHEN (g.settings ->> 'priority')::integer BETWEEN -32768 AND 32767
                        THEN (g.settings ->> 'priority')::smallint ELSE 0 END
              ELSE 0 END,
         CASE WHEN n.not_before <= now() THEN '-infinity' ELSE n.not_before END, n.series,
         coalesce(n.seq, nextval(pg_get_serial_sequence('atelier.queue', 'seq')))
    FROM unnest($1::uuid[], $2::timestamptz[], $3::bigint[], $4::smallint[]) AS n(id, not_before, seq, series)
    JOIN @app@.generations g ON g.id = n.id
   WHERE g.status IN ('queued', 'processing')
  ON CONFLICT (generation_id) DO NOTHING)sql");

pg::Statement notify_statement(R"sql(
  INSERT INTO @app@.notifications (user_id, type, title, message)
  SELECT n.user_id, 'update', left(n.title, 255), n.message
    FROM unnest($1::uuid[], $2::text[], $3::text[]) AS n(user_id, title, message))sql");

pg::Statement log_statement(R"sql(
  INSERT INTO @app@.api_logs (method, path, status_code, duration_ms, user_id, generation_id, provider, model_name,
                              external_status, error_message, error_category, retry_count)
  SELECT n.method, n.path, n.status_code, n.duration_ms, n.user_id, n.generation_id, 'replicate', n.model_name,
         n.external_status, left(n.error_message, 2000), n.error_category, n.retry_count
    FROM unnest($1::text[], $2::text[], $3::integer[], $4::integer[], $5::uuid[], $6::uuid[], $7::text[], $8::text[],
                $9::text[], $10::text[], $11::integer[])
         AS n(method, path, status_code, duration_ms, user_id, generation_id, model_name, external_status,
              error_message, error_category, retry_count))sql");

// An array literal as the server's array_in reads it; unnest cannot carry a ragged array of arrays.
std::optional<std::string> array_literal(const std::vector<std::string>& values) {
  if (values.empty()) return std::nullopt;
  std::string literal = "{";
  for (const std::string& value : values) {
    if (literal.size() > 1) literal += ',';
    literal += '"';
    for (const char c : value) {
      if (c == '"' || c == '\\') literal += '\\';
      literal += c;
    }
    literal += '"';
  }
  return literal + "}";
}

}  // namespace

std::vector<Changed> write(const std::vector<Change>& changes) {
  std::vector<core::Uuid> ids;
  std::vector<std::string> statuses;
  std::vector<std::optional<std::string>> predictions, urls, texts, outputs, costs, messages;
  std::vector<std::optional<int32_t>> tokens;
  std::vector<std::optional<pg::Timestamp>> starts;
  for (const Change& change : changes) {
    ids.push_back(change.generation);
    statuses.emplace_back(core::name(change.status));
    predictions.push_back(change.prediction_id);
    tokens.push_back(change.token);
    urls.push_back(array_literal(change.output_urls));
    texts.push_back(change.output_text);
    outputs.push_back(change.output);
    costs.push_back(change.cost_usd);
    messages.push_back(change.message);
    starts.push_back(change.sent_at);
  }
  pg::Spi spi;
  const pg::Rows rows =
      write_statement(ids, statuses, predictions, tokens, urls, texts, outputs, costs, messages, starts);
  std::vector<Changed> changed;
  changed.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const pg::Row row = rows[i];
    changed.push_back({row.get<core::Uuid>(0), row.get<core::Uuid>(1), row.get<int32_t>(2), row.get<bool>(3),
                       row.get<std::string>(4)});
  }
  return changed;
}

std::vector<Squatter> evict_squatters(const std::vector<Change>& changes) {
  std::vector<core::Uuid> ids;
  std::vector<std::string> predictions;
  for (const Change& change : changes) {
    if (!change.prediction_id) continue;
    ids.push_back(change.generation);
    predictions.push_back(*change.prediction_id);
  }
  pg::Spi spi;
  const pg::Rows rows = evict_statement(ids, predictions);
  std::vector<Squatter> squatters;
  for (size_t i = 0; i < rows.size(); ++i)
    squatters.push_back({rows[i].get<core::Uuid>(0), rows[i].get<core::Uuid>(1), rows[i].get<std::string>(2)});
  return squatters;
}

void return_to_queue(const std::vector<Return>& returns) {
  std::vector<core::Uuid> ids;
  std::vector<pg::Timestamp> times;
  std::vector<std::optional<int64_t>> places;
  std::vector<int16_t> series;
  for (const Return& one : returns) {
    ids.push_back(one.generation);
    times.push_back(one.not_before);
    places.push_back(one.seq);
    series.push_back(one.series);
  }
  pg::Spi spi;
  return_statement(ids, times, places, series);
}

void notify(const std::vector<Notice>& notices) {
  std::vector<core::Uuid> users;
  std::vector<std::string> titles, messages;
  for (const Notice& notice : notices) {
    users.push_back(notice.user);
    titles.push_back(notice.title);
    messages.push_back(notice.message);
  }
  pg::Spi spi;
  notify_statement(users, titles, messages);
}

void log_calls(const std::vector<Call>& calls) {
  std::vector<std::string> methods, paths;
  std::vector<int32_t> statuses, durations, retry_counts;
  std::vector<std::optional<core::Uuid>> users, generations;
  std::vector<std::optional<std::string>> models, external, messages, categories;
  for (const Call& call : calls) {
    methods.push_back(call.method);
    paths.push_back(call.path);
    statuses.push_back(call.status_code);
    durations.push_back(call.duration_ms);
    users.push_back(call.user);
    generations.push_back(call.generation);
    models.push_back(call.model);
    external.push_back(call.external_status);
    messages.push_back(call.error_message);
    categories.push_back(call.error_category);
    retry_counts.push_back(call.retry_count);
  }
  pg::Spi spi;
  log_statement(methods, paths, statuses, durations, users, generations, models, external, messages, categories,
                retry_counts);
}

}  // namespace atelier::store::results
