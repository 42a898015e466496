// SPDX-License-Identifier: PostgreSQL
#include "store/jobs.hpp"

#include "core/schedule.hpp"
#include "pg/named_lock.hpp"
#include "pg/settings.hpp"
#include "pg/spi.hpp"
#include "pg/time_zone.hpp"

namespace atelier::store::jobs {

namespace {

constexpr int64_t kSecondUs = 1'000'000;

pg::Statement table_statement(R"sql(SELECT coalesce(to_regclass('atelier.job_state')::oid, 0)::bigint)sql");

// A job has two rows after a restore into a fresh install.
pg::Statement since_statement(R"sql(
  SELECT s.name, max(coalesce(s.started_at, s.since)) FROM atelier.job_state s GROUP BY s.name)sql");

pg::Statement start_statement(R"sql(
  UPDATE atelier.job_state SET started_at = $2, ended_at = NULL, result = 'running', error = NULL, rows = NULL
   WHERE name = $1)sql");

pg::Statement first_start_statement(R"sql(
  INSERT INTO atelier.job_state (name, since, started_at, result) VALUES ($1, $2, $2, 'running'))sql");

pg::Statement end_statement(R"sql(
  UPDATE atelier.job_state
     SET ended_at = $2, rows = $3, error = $4, result = CASE WHEN $4 IS NULL THEN 'succeeded' ELSE 'failed' END
   WHERE name = $1)sql");

pg::Statement interrupted_statement(
    R"sql(UPDATE atelier.job_state SET result = 'interrupted' WHERE result = 'running' AND name = $1)sql");

pg::Statement batch_statement(R"sql(SELECT atelier.job_batch($1, $2))sql");

std::optional<int64_t> nothing() { return std::nullopt; }
std::optional<int64_t> cleanup_minutes() { return pg::settings::generations_retention_min(); }
std::optional<int64_t> log_minutes() { return pg::settings::api_logs_retention_min(); }
std::optional<int64_t> attempt_minutes() { return pg::settings::attempts_retention_min(); }

// Forgetting what is old has no schedule of its own: a setting of 0 keeps everything.
std::string hourly_at(int minute, int64_t keep_min) {
  return keep_min == 0 ? std::string() : std::to_string(minute) + " * * * *";
}
std::string log_schedule() { return hourly_at(17, pg::settings::api_logs_retention_min()); }
std::string attempt_schedule() { return hourly_at(37, pg::settings::attempts_retention_min()); }
std::string cleanup_schedule() {
  return pg::settings::generations_retention_min() == 0 ? std::string() : pg::settings::cleanup_schedule();
}

}  // namespace

const std::vector<Job>& all() {
  static const std::vector<Job>& jobs = *new std::vector<Job>{
      {"refresh-admin-stats", pg::settings::refresh_schedule, nothing},
      {"cleanup-old-generations", cleanup_schedule, cleanup_minutes},
      {"forget-api-logs", log_schedule, log_minutes},
      {"forget-attempts", attempt_schedule, attempt_minutes},
      {"forget-deletions", [] { return std::string("47 * * * *"); }, nothing},
  };
  return jobs;
}

const Job* find(std::string_view name) {
  for (const Job& job : all())
    if (name == job.name) return &job;
  return nullptr;
}

std::optional<pg::Timestamp> next_run(const std::string& schedule, pg::Timestamp after) {
  if (schedule.empty()) return std::nullopt;
  const auto parsed = core::parse_schedule(schedule);
  if (!std::holds_alternative<core::Schedule>(parsed)) return std::nullopt;
  const std::string zone = pg::settings::timezone();
  const auto due_s = core::next_due_s(std::get<core::Schedule>(parsed), after.us / kSecondUs,
                                      [&](int64_t utc_s) { return pg::seconds_ahead_of_utc(zone, utc_s); });
  if (!due_s) return std::nullopt;
  return pg::Timestamp{*due_s * kSecondUs};
}

std::optional<std::string> problem_of(std::string_view schedule) {
  const auto parsed = core::parse_schedule(schedule);
  if (std::holds_alternative<core::Schedule>(parsed)) return std::nullopt;
  const auto& error = std::get<core::ScheduleError>(parsed);
  return error.reason + " The trouble is at character " + std::to_string(error.position + 1) + ".";
}

std::vector<Since> since() {
  pg::Spi spi;
  const pg::Rows rows = since_statement();
  std::vector<Since> known;
  for (size_t i = 0; i < rows.size(); ++i)
    known.push_back({rows[i].get<std::string>(0), rows[i].get<pg::Timestamp>(1)});
  return known;
}

std::optional<Lock> lock_of(const Job& job) {
  pg::Spi spi;
  const auto table = static_cast<Oid>(table_statement()[0].get<int64_t>(0));
  if (!OidIsValid(table)) return std::nullopt;
  return Lock{table, static_cast<uint16_t>(&job - all().data() + 1)};
}

bool take(const Job& job) {
  const auto lock = lock_of(job);
  return !lock || pg::try_lock_for_transaction(lock->relation, lock->place);
}

void note_start(const Job& job, pg::Timestamp now) {
  pg::Spi spi;
  if (start_statement(job.name, now).affected() == 0) first_start_statement(job.name, now);
}

void note_end(const Job& job, pg::Timestamp now, int64_t rows, const std::optional<std::string>& error) {
  pg::Spi spi;
  end_statement(job.name, now, rows, error);
}

void note_interrupted() {
  for (const Job& job : all()) {
    if (!take(job)) continue;
    pg::Spi spi;
    interrupted_statement(job.name);
  }
}

int64_t batch(const Job& job, int32_t most) {
  pg::Spi spi;
  return batch_statement(job.name, most)[0].get<int64_t>(0);
}

}  // namespace atelier::store::jobs
