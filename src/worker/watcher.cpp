// SPDX-License-Identifier: PostgreSQL
#include "worker/watcher.hpp"

#include <algorithm>
#include <utility>

#include "core/progress.hpp"
#include "core/retry.hpp"
#include "pg/fault.hpp"
#include "worker/endings.hpp"

namespace atelier::worker {

namespace {

using replicate::PollAction;

// A token that was deleted while its predictions run: they are given up when their deadline has passed by this much.
constexpr int64_t kGraceUs = core::kMinuteUs;
constexpr int64_t kPutOffUs = 5 * core::kSecondUs;
constexpr int kCancelTries = 5;
// How often the progress of one prediction is written at most.
constexpr int64_t kProgressUs = 2 * core::kSecondUs;

// Whether the provider has heard of the cancelling, so that repeating it would change nothing.
bool was_taken(const replicate::Answer& answer) {
  return answer.delivery == replicate::Delivery::delivered && answer.status < 500 && answer.status != 408 &&
         answer.status != 429;
}

}  // namespace

void Watcher::look(Job& job, int64_t now_us) {
  core::TokenPool& pool = context_.tokens.pool();
  const std::string* secret = context_.tokens.secret(job.watching_token());
  if (secret == nullptr) {
    if (now_us < job.deadline_us + kGraceUs) return context_.jobs.schedule(job, now_us + kPutOffUs);
    job.phase = Phase::settling;
    return context_.recorder.add(unreachable_entry(context_, job, "the token that created it was deleted", now_us));
  }
  const bool cancel =
      (job.cancel_wanted || job.cancel_for_deadline) && !job.cancel_sent && now_us >= job.cancel_again_us;
  const auto use = cancel ? core::TokenPool::Use::other : core::TokenPool::Use::look;
  if (!pool.begin_request(job.watching_token(), use, now_us))
    return context_.jobs.schedule(job,
                                  std::max(now_us + 1000, pool.request_ready_at(job.watching_token(), now_us, use)));
  job.looking = true;
  job.alone = job.hinted = false;
  if (cancel) job.cancel_sent = true;
  context_.transfers.send(
      cancel ? Reason::cancel : Reason::look, job.attempt, job.watching_token(), *secret,
      cancel ? replicate::cancel_prediction(job.prediction_id) : replicate::get_prediction(job.prediction_id));
  ATELIER_FAULT_IF(cancel, cancel_sent);
  ATELIER_FAULT_IF(!cancel, look_sent);
}

void Watcher::on_look(const Arrival& arrival, int64_t now_us) {
  Job* job = context_.jobs.find(arrival.transfer.attempt);
  if (job == nullptr || job->phase != Phase::watching) return;
  ATELIER_FAULT(look_read);
  act_on(*job, arrival, replicate::judge_poll(arrival.answer, poll_context(context_, *job, now_us)), now_us);
}

void Watcher::on_cancel(const Arrival& arrival, int64_t now_us) {
  Job* job = context_.jobs.find(arrival.transfer.attempt);
  if (job == nullptr || job->phase != Phase::watching) return;
  ATELIER_FAULT(cancel_read);
  if (!was_taken(arrival.answer) && ++job->cancel_tries < kCancelTries) {
    job->cancel_sent = false;
    job->cancel_again_us = now_us + kPutOffUs;
  }
  act_on(*job, arrival, replicate::judge_cancel(arrival.answer, poll_context(context_, *job, now_us)), now_us);
}

void Watcher::act_on(Job& job, const Arrival& arrival, const replicate::PollVerdict& verdict, int64_t now_us) {
  const bool answered = replicate::is_success(arrival.answer);
  const std::string external = verdict.prediction ? verdict.prediction->status_text : std::string();
  ++job.looks;
  job.failed_looks = answered ? 0 : job.failed_looks + 1;
  switch (verdict.action) {
    case PollAction::look_again:
      log_call(context_.recorder, arrival, &job, answered ? nullptr : &verdict.failure);
      if (verdict.prediction) note_progress(job, *verdict.prediction, now_us);
      return context_.jobs.schedule(job, now_us + (std::exchange(job.hinted, false) ? 0 : verdict.delay_us));
    case PollAction::throttle:
      log_call(context_.recorder, arrival, &job, &verdict.failure);
      context_.tokens.pool().cool_requests(job.watching_token(), verdict.until_us);
      return context_.jobs.schedule(job, verdict.until_us);
    case PollAction::other_token: {
      log_call(context_.recorder, arrival, &job, &verdict.failure);
      context_.tokens.count_error(job.watching_token(), verdict.failure.admin_message);
      const auto sibling = context_.tokens.pool().sibling(job.watching_token());
      if (sibling) job.other_token = *sibling;
      return context_.jobs.schedule(job, sibling ? now_us : now_us + verdict.delay_us);
    }
    case PollAction::cancel:
      job.cancel_for_deadline = true;
      return context_.jobs.schedule(job, std::max(now_us, job.cancel_again_us));
    case PollAction::completed:
    case PollAction::try_again:
    case PollAction::failed:
    case PollAction::cancelled: {
      ATELIER_FAULT(result_read);
      job.phase = Phase::settling;
      if (verdict.longer_deadline) context_.short_of_time.insert(job.generation);
      Entry entry = ended_entry(context_, job, verdict, now_us);
      const bool failed = verdict.action == PollAction::failed || verdict.action == PollAction::try_again;
      log_call(entry, arrival, job, failed ? &verdict.failure : nullptr, external);
      return context_.recorder.add(std::move(entry));
    }
  }
}

void Watcher::note_progress(Job& job, const replicate::Prediction& prediction, int64_t now_us) {
  if (now_us < job.percent_again_us) return;
  const auto percent = core::last_percent(prediction.object.find("logs").string_or_empty());
  if (!percent || *percent == job.percent) return;
  job.percent = *percent;
  job.percent_again_us = now_us + kProgressUs;
  context_.recorder.add_progress(job.attempt, *percent);
}

void Watcher::want_cancel(int64_t attempt, int64_t now_us) {
  Job* job = context_.jobs.find(attempt);
  if (job == nullptr || job->cancel_wanted) return;
  job->cancel_wanted = true;
  if (job->phase != Phase::watching || (job->looking && !job->in_roll_call)) return;
  job->in_roll_call = false;
  context_.jobs.schedule(*job, now_us);
}

}  // namespace atelier::worker
