// SPDX-License-Identifier: PostgreSQL
// The periodic jobs of a database: which there are, when each is due, and what is written down about their runs. Used
// by the keeper, which runs them batch by batch, and by rpc/jobs. What a batch does is SQL: atelier.job_batch().
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pg/datum.hpp"

namespace atelier::store::jobs {

struct Job {
  const char* name;
  std::string (*schedule)();                 // a cron expression, empty for never
  std::optional<int64_t> (*keep_minutes)();  // for what it keeps how long; nullopt for a job that keeps nothing
};

// Their places are the numbers of their locks, so new ones come at the end.
const std::vector<Job>& all();
const Job* find(std::string_view name);

// When the job is due next after `after`, in the zone of atelier.timezone; nullopt for never.
std::optional<pg::Timestamp> next_run(const std::string& schedule, pg::Timestamp after);

// What is wrong with a cron expression; nullopt for nothing.
std::optional<std::string> problem_of(std::string_view schedule);

// When each was last started, or, before its first run, since when it could have been. Only those with a row.
struct Since {
  std::string name;
  pg::Timestamp since;
};
std::vector<Since> since();

// Keeps others from running the job, to the end of the transaction; false when somebody is running it.
bool take(const Job& job);
// The number of the lock that the same job takes for a session: the oid of its table and the place.
struct Lock {
  Oid relation;
  uint16_t place;
};
std::optional<Lock> lock_of(const Job& job);

void note_start(const Job& job, pg::Timestamp now);
void note_end(const Job& job, pg::Timestamp now, int64_t rows, const std::optional<std::string>& error);
// Runs that nobody is at any more, from before a crash.
void note_interrupted();

// At most `most` rows of the job's work in this transaction; returns how many. Fewer than `most`: it is done.
int64_t batch(const Job& job, int32_t most);

}  // namespace atelier::store::jobs
