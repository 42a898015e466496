// SPDX-License-Identifier: PostgreSQL
#include "store/films.hpp"

#include "pg/spi.hpp"
#include "pg/transaction.hpp"
#include "store/identity.hpp"
#include "store/wish.hpp"

namespace atelier::store::films {

namespace {

using core::GenerationStatus;

// What joins the parts, with the version that the app has pinned.
constexpr const char* kMergeModel =
    "lucataco/video-merge:65c81d0d0689d8608af8c2f59728135925419f4b5e62065c37fc350130fed67a";

// $1 film, $2 user, $3 workspace, $4 group. Rows that another film has are not there for this one.
#define CANDIDATES                                                                                             \
  "WITH candidates AS ("                                                                                       \
  "  SELECT g.id, g.status,"                                                                                   \
  "         CASE WHEN g.settings ->> 'keyframe_index' ~ '^[0-9]{1,4}$'"                                        \
  "              THEN (g.settings ->> 'keyframe_index')::smallint END AS ordinal"                              \
  "    FROM @app@.generations g"                                                                               \
  "   WHERE g.user_id = $2 AND g.workspace_id IS NOT DISTINCT FROM $3 AND g.id <> $1"                          \
  "     AND g.settings @> jsonb_build_object('keyframe_group_id', $4::text) AND g.settings ? 'keyframe_index'" \
  "     AND g.action IN ('video_i2v', 'video_create')"                                                         \
  "     AND NOT EXISTS (SELECT FROM atelier.film_parts p WHERE p.generation_id = g.id AND p.film_id <> $1)) "

pg::Statement survey_statement(CANDIDATES R"sql(
  SELECT count(*), count(DISTINCT c.ordinal), coalesce(max(c.ordinal), -1)::bigint,
         EXISTS (SELECT FROM (SELECT c.id, c.status FROM candidates c
                               UNION ALL
                              SELECT g.id, g.status
                                FROM atelier.film_parts p JOIN @app@.generations g ON g.id = p.generation_id
                               WHERE p.film_id = $1 AND p.ordinal IS NULL) one
                  WHERE one.status IN ('queued', 'processing')
                     OR EXISTS (SELECT FROM atelier.attempts a
                                 WHERE a.generation_id = one.id
                                   AND coalesce(a.state, '') IN ('sending', 'running', 'unknown')))
    FROM candidates c)sql");

pg::Statement take_statement(CANDIDATES R"sql(
  INSERT INTO atelier.film_parts AS p (generation_id, film_id, ordinal)
  SELECT c.id, $1, c.ordinal FROM candidates c ORDER BY c.id
  ON CONFLICT (generation_id) DO UPDATE SET ordinal = EXCLUDED.ordinal WHERE p.film_id = EXCLUDED.film_id)sql");

// What failed or was cancelled waits anew. The parts are not shown beside the film.
pg::Statement reset_statement(R"sql(
  UPDATE @app@.generations g
     SET is_keyframe_segment = true,
         status = CASE WHEN g.status IN ('failed', 'cancelled') THEN 'pending' ELSE g.status END,
         replicate_prediction_id = CASE WHEN g.status = 'completed' THEN g.replicate_prediction_id END
    FROM atelier.film_parts p
   WHERE p.film_id = $1 AND g.id = p.generation_id
     AND (g.status IN ('failed', 'cancelled') OR NOT g.is_keyframe_segment))sql");

pg::Statement models_statement(R"sql(
  SELECT DISTINCT g.replicate_model, g.action
    FROM atelier.film_parts p JOIN @app@.generations g ON g.id = p.generation_id
   WHERE p.film_id = $1 AND p.ordinal IS NOT NULL AND g.status <> 'completed')sql");

pg::Statement lock_statement(R"sql(SELECT g.status FROM @app@.generations g WHERE g.id = $1 FOR NO KEY UPDATE)sql");

pg::Statement lock_film_statement(R"sql(
  SELECT FROM @app@.generations g
   WHERE g.id = (SELECT p.film_id FROM atelier.film_parts p WHERE p.generation_id = $1)
     FOR NO KEY UPDATE)sql");

pg::Statement parts_statement(R"sql(
  SELECT p.generation_id, p.ordinal, g.status, g.error_message
    FROM atelier.film_parts p LEFT JOIN @app@.generations g ON g.id = p.generation_id
   WHERE p.film_id = $1
   ORDER BY p.ordinal)sql");

pg::Statement run_statement(R"sql(
  UPDATE @app@.generations g SET status = 'processing' WHERE g.id = $1 AND g.status = 'queued')sql");

pg::Statement queue_statement(R"sql(
  UPDATE @app@.generations g SET status = 'queued' WHERE g.id = $1 AND g.status = 'pending' RETURNING g.status)sql");

#define MERGE_INPUT                                                                   \
  "jsonb_build_object('keep_audio', true, 'video_files',"                             \
  "  (SELECT jsonb_agg(s.output_urls[1] ORDER BY p.ordinal)"                          \
  "     FROM atelier.film_parts p JOIN @app@.generations s ON s.id = p.generation_id" \
  "    WHERE p.film_id = $1 AND p.ordinal IS NOT NULL)) "

pg::Statement make_merge_statement(
    "WITH made AS ("
    "  INSERT INTO @app@.generations (user_id, workspace_id, action, model_id, model_name, replicate_model, settings,"
    "                                 status, is_keyframe_segment, replicate_input)"
    "  SELECT f.user_id, f.workspace_id, 'video_edit', 'video-merge', 'Video Merge', $2,"
    "         jsonb_strip_nulls(jsonb_build_object('keyframe_merge', true,"
    "           'keyframe_group_id', f.settings -> 'keyframe_group_id', 'priority', f.settings -> 'priority')),"
    "         'pending', true, " MERGE_INPUT
    "    FROM @app@.generations f WHERE f.id = $1 RETURNING id) "
    "INSERT INTO atelier.film_parts (generation_id, film_id) SELECT m.id, $1 FROM made m RETURNING generation_id");

pg::Statement renew_merge_statement("UPDATE @app@.generations m SET replicate_input = " MERGE_INPUT " WHERE m.id = $2");

pg::Statement end_statement(R"sql(
  UPDATE @app@.generations f SET status = $2, error_message = $3
   WHERE f.id = $1 AND f.status IN ('queued', 'processing')
  RETURNING f.user_id, f.model_name)sql");

pg::Statement complete_statement(R"sql(
  UPDATE @app@.generations f
     SET status = 'completed', output_urls = s.output_urls, output_thumbs = s.output_thumbs, error_message = NULL
    FROM @app@.generations s
   WHERE f.id = $1 AND s.id = $2 AND f.status IN ('queued', 'processing')
  RETURNING f.user_id, f.model_name)sql");

pg::Statement copy_outputs_statement(R"sql(
  INSERT INTO atelier.outputs (generation_id, ordinal, kind, url, expires_at)
  SELECT $1, o.ordinal, o.kind, o.url, o.expires_at FROM atelier.outputs o WHERE o.generation_id = $2
  ON CONFLICT DO NOTHING)sql");

pg::Statement cancel_parts_statement(R"sql(
  UPDATE @app@.generations g SET status = 'cancelled'
    FROM atelier.film_parts p
   WHERE p.film_id = $1 AND g.id = p.generation_id AND g.status IN ('pending', 'queued', 'processing'))sql");

pg::Statement forget_statement(R"sql(DELETE FROM atelier.film_parts WHERE film_id = $1)sql");
pg::Statement forget_part_statement(R"sql(DELETE FROM atelier.film_parts WHERE generation_id = $1)sql");
pg::Statement forget_gone_statement(R"sql(
  DELETE FROM atelier.film_parts p WHERE NOT EXISTS (SELECT FROM @app@.generations g WHERE g.id = p.film_id))sql");

pg::Statement film_statement(R"sql(SELECT p.film_id FROM atelier.film_parts p WHERE p.generation_id = $1)sql");
pg::Statement taken_statement(R"sql(
  SELECT EXISTS (SELECT FROM atelier.film_parts p WHERE p.generation_id = $1)
      OR EXISTS (SELECT FROM atelier.film_parts p WHERE p.film_id = $1))sql");

bool are_known() { return identity::has_step("films"); }

// As the owner, and so that the triggers know who moves the rows.
class Hand {
 public:
  Hand() : owner_(pg::owner_role()), wish_(wish::Wish::film) {}

 private:
  pg::AsRole owner_;
  wish::Expressed wish_;
};

struct Part {
  core::Uuid generation;
  bool joins;
  std::optional<GenerationStatus> status;  // nullopt: it was deleted
  std::optional<std::string> message;
};

std::vector<Part> parts_of(const core::Uuid& film) {
  const pg::Spi spi;
  const pg::Rows rows = parts_statement(film);
  std::vector<Part> parts;
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto status = rows[i].maybe<std::string>(2);
    parts.push_back({rows[i].get<core::Uuid>(0), rows[i].is_null(1),
                     status ? core::parse_generation_status(*status) : std::nullopt, rows[i].maybe<std::string>(3)});
  }
  return parts;
}

std::optional<GenerationStatus> lock(const core::Uuid& film) {
  const pg::Spi spi;
  const pg::Rows rows = lock_statement(film);
  if (rows.empty()) return std::nullopt;
  return core::parse_generation_status(rows[0].get<std::string>(0));
}

std::optional<Ended> ended(const core::Uuid& film, GenerationStatus status, const std::optional<std::string>& message,
                           const pg::Rows& rows) {
  if (rows.empty()) return std::nullopt;
  return Ended{film, rows[0].get<core::Uuid>(0), status, rows[0].get<std::string>(1), message};
}

std::optional<Ended> end(const core::Uuid& film, GenerationStatus status, const std::optional<std::string>& message) {
  const pg::Spi spi;
  auto result = ended(film, status, message, end_statement(film, std::string(core::name(status)), message));
  cancel_parts_statement(film);
  return result;
}

std::optional<Ended> complete(const core::Uuid& film, const core::Uuid& source) {
  const pg::Spi spi;
  auto result = ended(film, GenerationStatus::completed, {}, complete_statement(film, source));
  if (result && identity::has_step("money")) copy_outputs_statement(film, source);
  return result;
}

// The row that joins the parts, made or made anew, as pending.
core::Uuid prepare_merge(const core::Uuid& film, const Part* merge) {
  const pg::Spi spi;
  if (merge == nullptr) return make_merge_statement(film, std::string(kMergeModel))[0].get<core::Uuid>(0);
  renew_merge_statement(film, merge->generation);
  return merge->generation;
}

bool queue(const core::Uuid& part) {
  const pg::Spi spi;
  const pg::Rows rows = queue_statement(part);
  return !rows.empty() && rows[0].get<std::string>(0) == core::name(GenerationStatus::queued);
}

std::string title(const Part& part, size_t place, size_t count) {
  return part.joins ? "Joining the parts" : "Part " + std::to_string(place + 1) + " of " + std::to_string(count);
}

// What hinders a row from being queued: credits that are short, a model that is none. Empty when it is queued. The
// result of the part before must not get lost over it.
std::string try_to_queue(const core::Uuid& part) {
  bool queued = false;
  const auto error = pg::in_subtransaction([&] { queued = queue(part); });
  if (error && error->passes_by_itself()) throw pg::Error(*error);
  if (error) return error->what();
  return queued ? std::string() : "it cannot be queued";
}

std::optional<Ended> take_step(const core::Uuid& film, Start how) {
  const std::vector<Part> parts = parts_of(film);
  const size_t count = parts.size() - (!parts.empty() && parts.back().joins ? 1 : 0);
  if (count == 0) return std::nullopt;
  const auto start = [&](const core::Uuid& part, const std::string& what) -> std::optional<Ended> {
    if (how == Start::or_raise) {
      if (queue(part)) return std::nullopt;
      pg::fail(pg::Code::object_not_in_prerequisite_state, "film cannot be queued: " + what + " cannot be queued");
    }
    const std::string hindrance = try_to_queue(part);
    if (hindrance.empty()) return std::nullopt;
    return end(film, GenerationStatus::failed, what + ": " + hindrance);
  };

  for (size_t i = 0; i < parts.size(); ++i) {
    if (!parts[i].status) return end(film, GenerationStatus::failed, "A part of the film was deleted.");
    if (*parts[i].status == GenerationStatus::failed)
      return end(film, GenerationStatus::failed,
                 title(parts[i], i, count) + ": " + parts[i].message.value_or("Generation failed"));
    if (*parts[i].status == GenerationStatus::cancelled) return end(film, GenerationStatus::cancelled, {});
  }
  for (size_t i = 0; i < count; ++i) {
    if (*parts[i].status == GenerationStatus::completed) continue;
    if (*parts[i].status != GenerationStatus::pending) return std::nullopt;
    return start(parts[i].generation, title(parts[i], i, count));
  }
  if (count == 1) return complete(film, parts[0].generation);
  const Part* merge = parts.size() > count ? &parts.back() : nullptr;
  if (merge != nullptr && *merge->status == GenerationStatus::completed) return complete(film, merge->generation);
  if (merge != nullptr && *merge->status != GenerationStatus::pending) return std::nullopt;
  return start(prepare_merge(film, merge), "Joining the parts");
}

}  // namespace

std::string refusal(const Wanted& wanted) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  const pg::Rows rows = survey_statement(wanted.film, wanted.user, wanted.workspace, wanted.group);
  const auto count = rows[0].get<int64_t>(0);
  if (count == 0) return "there are no parts with its keyframe_group_id";
  if (rows[0].get<int64_t>(1) != count || rows[0].get<int64_t>(2) != count - 1)
    return "its parts do not have each keyframe_index from 0 once";
  if (wanted.total && *wanted.total != std::to_string(count))
    return "there are " + std::to_string(count) + " parts, and keyframe_total_parts says otherwise";
  if (rows[0].get<bool>(3)) return "one of its parts is under way";
  return {};
}

void take(const Wanted& wanted) {
  const Hand hand;
  const pg::Spi spi;
  take_statement(wanted.film, wanted.user, wanted.workspace, wanted.group);
  // What another film has taken in the meantime is missing now.
  if (const std::string reason = refusal(wanted); !reason.empty())
    pg::fail(pg::Code::object_not_in_prerequisite_state, "film cannot be queued: " + reason, {},
             "Insert the parts as pending before the film is queued.");
  reset_statement(wanted.film);
}

std::vector<std::pair<std::string, std::string>> models_to_run(const core::Uuid& film) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  const pg::Rows rows = models_statement(film);
  std::vector<std::pair<std::string, std::string>> models;
  for (size_t i = 0; i < rows.size(); ++i)
    models.emplace_back(rows[i].maybe<std::string>(0).value_or(""), rows[i].get<std::string>(1));
  return models;
}

std::optional<Ended> begin(const core::Uuid& film, Start start) {
  const Hand hand;
  {
    const pg::Spi spi;
    run_statement(film);
  }
  return take_step(film, start);
}

std::optional<Ended> advance(const core::Uuid& film) {
  const Hand hand;
  const auto status = lock(film);
  if (!status || core::is_terminal(*status) || *status == GenerationStatus::pending) return std::nullopt;
  return take_step(film, Start::or_fail);
}

std::optional<Ended> give_up(const core::Uuid& film, const std::string& message) {
  const Hand hand;
  return end(film, GenerationStatus::failed, message);
}

void stop(const core::Uuid& film) {
  const Hand hand;
  const pg::Spi spi;
  cancel_parts_statement(film);
}

void forget(const core::Uuid& film) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  forget_statement(film);
}

void forget_part(const core::Uuid& part) {
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  forget_part_statement(part);
}

void forget_gone() {
  if (!are_known()) return;
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  forget_gone_statement();
}

std::optional<core::Uuid> film_of(const core::Uuid& generation) {
  if (!are_known()) return std::nullopt;
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  const pg::Rows rows = film_statement(generation);
  if (rows.empty()) return std::nullopt;
  return rows[0].get<core::Uuid>(0);
}

bool is_taken(const core::Uuid& generation) {
  if (!are_known()) return false;
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  return taken_statement(generation)[0].get<bool>(0);
}

void lock_film_of(const core::Uuid& generation) {
  if (!are_known()) return;
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  lock_film_statement(generation);
}

}  // namespace atelier::store::films
