// SPDX-License-Identifier: PostgreSQL
#include "worker/schedules.hpp"

#include <algorithm>

#include "core/text.hpp"
#include "pg/named_lock.hpp"
#include "pg/spi.hpp"
#include "pg/transaction.hpp"
#include "pg/worker.hpp"
#include "store/dispatch.hpp"

namespace atelier::worker {

namespace {

namespace jobs = store::jobs;

// Small enough that nobody waits long for what a batch locks.
constexpr int32_t kBatchRows = 1000;
constexpr size_t kErrorChars = 500;
// How often a batch is repeated that somebody else's lock stopped.
constexpr int kPostponements = 3;

std::string said_by(const pg::Error& error) {
  return std::string(core::text::first_chars(core::text::redact(error.what()), kErrorChars));
}

}  // namespace

std::optional<std::string> schedule_problem(const std::string& schedule) {
  return schedule.empty() ? std::nullopt : jobs::problem_of(schedule);
}

bool Schedules::read(int64_t now_us) {
  std::vector<jobs::Since> since;
  bool serves = false;
  const auto error = pg::in_owner_transaction([&] {
    const store::dispatch::State state = store::dispatch::state();
    // A copy of another database leaves its rows as they are until it is released.
    serves = state.serves();
    if (!serves) return;
    pg::set_app_schema(state.app_schema);
    if (first_) jobs::note_interrupted();
    since = jobs::since();
  });
  entries_.clear();
  if (error) {
    pg::report(pg::Level::log, std::string("atelier: jobs postponed: ") + error->what());
    return false;
  }
  if (!serves) return false;
  first_ = false;
  for (const jobs::Job& job : jobs::all()) {
    int64_t from_us = now_us;
    for (const jobs::Since& one : since)
      if (one.name == job.name) from_us = std::min(one.since.us, now_us);
    const auto due = jobs::next_run(job.schedule(), {from_us});
    entries_.push_back({&job, due ? std::optional<int64_t>(due->us) : std::nullopt});
  }
  return true;
}

void Schedules::run_due(int64_t now_us) {
  if (!known_) known_ = read(now_us);
  if (!known_) return;
  for (Entry& entry : entries_) {
    if (!entry.due_us || *entry.due_us > now_us) continue;
    run(*entry.job);
    const auto due = jobs::next_run(entry.job->schedule(), pg::now());
    entry.due_us = due ? std::optional<int64_t>(due->us) : std::nullopt;
  }
}

std::optional<int64_t> Schedules::next_due_us() const {
  std::optional<int64_t> next;
  for (const Entry& entry : entries_)
    if (entry.due_us && (!next || *entry.due_us < *next)) next = entry.due_us;
  return next;
}

void Schedules::run(const jobs::Job& job) {
  std::optional<jobs::Lock> place;
  if (const auto error = pg::in_owner_transaction([&] { place = jobs::lock_of(job); })) throw *error;
  if (!place) return reload();
  const pg::SessionLock lock(place->relation, place->place);
  if (!lock.held()) {
    pg::report(pg::Level::log, "atelier: job " + std::string(job.name) + " is run by another session already");
    return;
  }
  pg::report_activity(true, "atelier keeper: job " + std::string(job.name));
  std::optional<std::string> failure;
  int64_t total = 0;
  int postponed = 0;
  bool more = true;
  auto error = pg::in_owner_transaction([&] { jobs::note_start(job, pg::now()); });
  if (error) failure = said_by(*error);
  while (more && !failure) {
    int64_t done = 0;
    error = pg::in_owner_transaction([&] { done = jobs::batch(job, kBatchRows); });
    if (error && !(error->passes_by_itself() && ++postponed <= kPostponements)) failure = said_by(*error);
    total += done;
    more = error.has_value() || done >= kBatchRows;
    pg::report_statistics();
    if (more && !between_()) return;
  }
  if (failure) pg::report(pg::Level::warning, "atelier: job " + std::string(job.name) + " failed: " + *failure);
  error = pg::in_owner_transaction([&] { jobs::note_end(job, pg::now(), total, failure); });
  if (error)
    pg::report(pg::Level::warning, "atelier: end of job " + std::string(job.name) + " not written: " + error->what());
}

}  // namespace atelier::worker
