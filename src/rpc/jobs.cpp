// SPDX-License-Identifier: PostgreSQL
// Functions about the periodic jobs: which there are, when they are due, and keeping two runs of one apart.
#include "store/jobs.hpp"

#include "pg/entry.hpp"
#include "pg/result_set.hpp"
#include "rpc/arguments.hpp"

using namespace atelier;

namespace {

// The job of the argument's name; raises when there is none.
const store::jobs::Job& job_of(Datum argument) {
  const auto name = pg::to_cpp<std::string>(argument);
  if (const store::jobs::Job* job = store::jobs::find(name)) return *job;
  std::string names;
  for (const store::jobs::Job& job : store::jobs::all()) names += (names.empty() ? "" : ", ") + std::string(job.name);
  pg::fail(pg::Code::invalid_parameter_value, "there is no job \"" + name + "\"", "The jobs are " + names + ".");
}

}  // namespace

// known_jobs(): name, schedule (null for never) and, where something is kept, for how many minutes. For the owner.
ATELIER_FUNCTION(known_jobs) {
  pg::ResultSet result(fcinfo);
  for (const store::jobs::Job& job : store::jobs::all()) {
    const std::string schedule = job.schedule();
    const auto keep = job.keep_minutes();
    result.add({pg::Arg::of(job.name),
                pg::Arg::of(schedule.empty() ? std::nullopt : std::optional<std::string>(schedule)),
                pg::Arg::of(keep)});
  }
  return (Datum)0;
}

// next_run(schedule, after): when a cron expression is due after a time, in the zone of atelier.timezone; null for
// never. 22023 for a text that is no cron expression.
ATELIER_FUNCTION(next_run) {
  const auto schedule = pg::to_cpp<std::string>(PG_GETARG_DATUM(0));
  if (const auto problem = store::jobs::problem_of(schedule))
    pg::fail(pg::Code::invalid_parameter_value, "\"" + schedule + "\" is no cron expression", *problem);
  const auto next = store::jobs::next_run(schedule, pg::to_cpp<pg::Timestamp>(PG_GETARG_DATUM(1)));
  return next ? pg::to_datum(*next) : rpc::null_result(fcinfo);
}

// take_job(name): false, with a NOTICE, when another session runs the job; otherwise keeps others from it to the end of
// the transaction. For the owner.
ATELIER_FUNCTION(take_job) {
  const store::jobs::Job& job = job_of(PG_GETARG_DATUM(0));
  const bool taken = store::jobs::take(job);
  if (!taken) pg::report(pg::Level::notice, "job \"" + std::string(job.name) + "\" is running already");
  return pg::to_datum(taken);
}

// note_job_start(name) and note_job_end(name, rows): for run_job(). For the owner.
ATELIER_FUNCTION(note_job_start) {
  store::jobs::note_start(job_of(PG_GETARG_DATUM(0)), pg::now());
  return (Datum)0;
}

ATELIER_FUNCTION(note_job_end) {
  store::jobs::note_end(job_of(PG_GETARG_DATUM(0)), pg::now(), PG_GETARG_INT64(1), std::nullopt);
  return (Datum)0;
}
