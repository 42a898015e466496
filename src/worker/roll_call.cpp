// SPDX-License-Identifier: PostgreSQL
#include "worker/roll_call.hpp"

#include <algorithm>
#include <utility>

#include "core/retry.hpp"
#include "pg/settings.hpp"
#include "replicate/matching.hpp"
#include "worker/endings.hpp"

namespace atelier::worker {

namespace {

// With so large a share of the account's requests in running predictions, single looks would need too many of them: a
// young one is looked at up to twenty times a minute.
constexpr int kShare = 20;
constexpr int64_t kCountUs = core::kSecondUs;
// Roll calls of one account follow each other at least so far apart, in parts of the minute.
constexpr int64_t kPausesPerMinute = 12;
// So few predictions that the rest of the list may not show are not worth its pages.
constexpr size_t kFew = 3;
constexpr int kMostFailures = 3;

}  // namespace

std::string RollCall::key_of(int32_t token) const {
  std::string account = context_.tokens.pool().account_of(token);
  return account.empty() ? std::string(1, '\0') + std::to_string(token) : account;
}

void RollCall::count(int64_t now_us) {
  if (now_us < next_count_us_) return;
  next_count_us_ = now_us + kCountUs;
  for (auto& [key, account] : accounts_) account.watched = 0;
  std::unordered_map<int32_t, int> by_token;
  for (const auto& [attempt, job] : context_.jobs.all())
    if (job.phase == Phase::watching) ++by_token[job.watching_token()];
  for (const auto& [token, watched] : by_token) {
    Account& account = accounts_[key_of(token)];
    account.token = token;
    account.watched += watched;
  }
}

bool RollCall::take(Job& job, int64_t now_us) {
  const int limit = pg::settings::requests_per_minute();
  if (limit <= 0 || job.alone || job.hinted || job.cancel_wanted || job.cancel_for_deadline) return false;
  const auto place = accounts_.find(key_of(job.watching_token()));
  if (place == accounts_.end() || place->second.watched < std::max(1, limit / kShare)) return false;
  place->second.waiting[job.prediction_id] = job.attempt;
  job.looking = job.in_roll_call = true;
  job.due_us = now_us;
  return true;
}

std::optional<int64_t> RollCall::due_us() const {
  std::optional<int64_t> earliest;
  for (const auto& [key, account] : accounts_)
    if (!account.out && (account.page || !account.waiting.empty()))
      earliest = std::min(earliest.value_or(account.next_us), account.next_us);
  return earliest;
}

void RollCall::ask(int64_t now_us) {
  if (pg::settings::requests_per_minute() <= 0 && accounts_.empty()) return;
  count(now_us);
  for (auto& [key, account] : accounts_)
    if (!account.out && now_us >= account.next_us && (account.page || !account.waiting.empty())) ask(account, now_us);
}

void RollCall::ask(Account& account, int64_t now_us) {
  core::TokenPool& pool = context_.tokens.pool();
  const std::string* secret = context_.tokens.secret(account.token);
  if (secret == nullptr) return finish(account, now_us, now_us);
  if (context_.transfers.free_places() == 0 || !pool.begin_request(account.token, core::TokenPool::Use::look, now_us)) {
    account.next_us = std::max(now_us + core::kSecondUs / 20,
                               pool.request_ready_at(account.token, now_us, core::TokenPool::Use::look));
    return;
  }
  if (!account.page) {
    int64_t oldest_us = now_us;
    for (const auto& [id, attempt] : account.waiting)
      if (const Job* job = context_.jobs.find(attempt)) oldest_us = std::min(oldest_us, job->sent_at_us);
    account.page = replicate::list_predictions(oldest_us - replicate::kClockSkewUs);
    account.began_us = now_us;
    account.pages = 0;
  }
  account.out = true;
  context_.transfers.send(Reason::roll_call, 0, account.token, *secret, *account.page);
}

void RollCall::note(Account& account, replicate::Prediction& prediction, int64_t now_us) {
  const auto place = account.waiting.find(prediction.id);
  if (place == account.waiting.end()) return;
  Job* job = context_.jobs.find(place->second);
  account.waiting.erase(place);
  if (job == nullptr || !job->in_roll_call || job->phase != Phase::watching) return;
  job->in_roll_call = false;
  ++job->looks;
  job->failed_looks = 0;
  const replicate::PollVerdict verdict =
      replicate::judge_prediction(std::move(prediction), poll_context(context_, *job, now_us));
  const bool runs = verdict.action == replicate::PollAction::look_again;
  job->alone = !runs;
  context_.jobs.schedule(*job, runs ? now_us + verdict.delay_us : now_us);
}

void RollCall::on_page(const Arrival& arrival, int64_t now_us) {
  const auto place = accounts_.find(key_of(arrival.transfer.token));
  if (place == accounts_.end() || !place->second.out) return;
  Account& account = place->second;
  account.out = false;
  replicate::ListVerdict verdict = replicate::judge_list(arrival.answer, now_us, context_.random(), account.failures);
  if (verdict.action != replicate::ListAction::page) {
    log_call(context_.recorder, arrival, nullptr, &verdict.failure);
    if (verdict.action == replicate::ListAction::throttle)
      context_.tokens.pool().cool_requests(account.token, verdict.until_us);
    account.next_us = std::max(now_us + verdict.delay_us, verdict.until_us);
    if (++account.failures >= kMostFailures || verdict.action == replicate::ListAction::other_token)
      finish(account, now_us, now_us);
    return;
  }
  account.failures = 0;
  ++account.pages;
  for (replicate::Prediction& prediction : verdict.page->predictions) note(account, prediction, now_us);
  account.page = replicate::next_page(verdict.page->next);
  if (account.page && account.waiting.size() > kFew) {
    account.next_us = now_us;
    return;
  }
  finish(account, account.began_us, now_us);
  // No more than half of the requests for roll calls, and not more often than single looks would come.
  const int64_t window_us = pg::settings::rate_window_ms() * 1000;
  const int limit = std::max(2, pg::settings::requests_per_minute());
  account.next_us = std::max(account.began_us + account.pages * window_us / (limit / 2),
                             account.began_us + window_us / kPausesPerMinute);
}

void RollCall::finish(Account& account, int64_t before_us, int64_t now_us) {
  account.page.reset();
  account.failures = 0;
  for (const auto& [id, attempt] : std::exchange(account.waiting, {})) {
    Job* job = context_.jobs.find(attempt);
    if (job == nullptr || !job->in_roll_call || job->phase != Phase::watching) continue;
    if (job->due_us > before_us) {
      account.waiting[id] = attempt;
      continue;
    }
    job->in_roll_call = false;
    job->alone = true;
    context_.jobs.schedule(*job, now_us);
  }
}

}  // namespace atelier::worker
