// SPDX-License-Identifier: PostgreSQL
#include "worker/jobs.hpp"

#include <functional>

namespace atelier::worker {

Job& Jobs::add(const store::claims::Claimed& claimed) {
  Job& job = jobs_[claimed.attempt];
  job.attempt = claimed.attempt;
  job.generation = claimed.generation;
  job.user = claimed.user;
  job.workspace = claimed.workspace;
  job.number = claimed.number;
  job.token = claimed.token;
  job.model = claimed.model;
  job.action = claimed.action;
  job.retries = claimed.retries;
  job.series = claimed.series;
  job.hidden = claimed.hidden;
  job.input_hash = std::hash<std::string>{}(claimed.input);
  job.seq = claimed.seq;
  job.sent_at_us = claimed.sent_at.us;
  job.deadline_us = claimed.deadline.us;
  job.phase = Phase::sending;
  return job;
}

Job& Jobs::add(const store::attempts::OpenAttempt& open) {
  Job& job = jobs_[open.attempt];
  job.attempt = open.attempt;
  job.generation = open.generation;
  job.user = open.user;
  job.workspace = open.workspace;
  job.number = open.number;
  job.token = open.token;
  job.model = open.model;
  job.action = open.action;
  job.retries = open.retries;
  job.series = open.series;
  job.hidden = open.hidden;
  job.generation_exists = open.generation_exists;
  job.sent_at_us = open.sent_at.us;
  job.deadline_us = open.deadline.us;
  job.prediction_id = open.prediction_id;
  job.cancel_wanted = open.cancel_requested;
  job.inherited = true;
  job.phase = open.state == core::AttemptState::running ? Phase::watching : Phase::searching;
  return job;
}

Job* Jobs::find(int64_t attempt) {
  const auto place = jobs_.find(attempt);
  return place == jobs_.end() ? nullptr : &place->second;
}

Job* Jobs::find_prediction(std::string_view prediction_id) {
  for (auto& [attempt, job] : jobs_)
    if (job.prediction_id == prediction_id) return &job;
  return nullptr;
}

void Jobs::remove(int64_t attempt) { jobs_.erase(attempt); }

void Jobs::schedule(Job& job, int64_t due_us) {
  job.due_us = due_us;
  job.looking = false;
  due_.push({due_us, job.attempt});
}

// An entry is stale when its job has gone, is being looked at, or has been given another time since.
void Jobs::drop_stale() {
  while (!due_.empty()) {
    const Job* job = find(due_.top().attempt);
    const bool current = job != nullptr && !job->looking && job->due_us == due_.top().us &&
                         job->phase != Phase::sending && job->phase != Phase::settling;
    if (current) return;
    due_.pop();
  }
}

Job* Jobs::next_due(int64_t now_us) {
  drop_stale();
  if (due_.empty() || due_.top().us > now_us) return nullptr;
  Job* job = find(due_.top().attempt);
  due_.pop();
  return job;
}

std::optional<int64_t> Jobs::next_due_us() {
  drop_stale();
  if (due_.empty()) return std::nullopt;
  return due_.top().us;
}

}  // namespace atelier::worker
