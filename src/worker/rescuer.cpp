// SPDX-License-Identifier: PostgreSQL
#include "worker/rescuer.hpp"

#include <algorithm>
#include <functional>
#include <set>
#include <vector>

#include "core/json.hpp"
#include "core/retry.hpp"
#include "pg/settings.hpp"
#include "pg/transaction.hpp"
#include "replicate/matching.hpp"
#include "store/attempts.hpp"
#include "worker/endings.hpp"

namespace atelier::worker {

namespace {

constexpr int64_t kPutOffUs = 5 * core::kSecondUs;
// After so many failures to search for one attempt the others do not wait for it any longer.
constexpr int kBusyFailures = 3;

// What only the database knows about a search: the input that was sent, and whose predictions these are.
struct Known {
  std::string input;
  std::set<std::string> owned;
};

std::optional<pg::Error> read_known(const Job& job, const replicate::Page& page, Known& known) {
  std::vector<std::string> ids;
  for (const replicate::Prediction& prediction : page.predictions) ids.push_back(prediction.id);
  return pg::in_owner_transaction([&] {
    known.input = store::attempts::input_of(job.attempt).value_or("");
    const int64_t since_us = job.sent_at_us - pg::settings::video_deadline_s() * core::kSecondUs;
    for (std::string& id : store::attempts::owned_predictions(ids, {since_us})) known.owned.insert(std::move(id));
  });
}

}  // namespace

bool Rescuer::is_busy() {
  for (const auto& [attempt, job] : context_.jobs.all())
    if (job.phase == Phase::searching && job.inherited && job.looks == 0 && !job.unreadable &&
        job.failed_looks < kBusyFailures)
      return true;
  return false;
}

void Rescuer::search(Job& job, int64_t now_us) {
  send(job, replicate::list_predictions(job.sent_at_us - replicate::kClockSkewUs), now_us);
}

void Rescuer::send(Job& job, const replicate::Request& request, int64_t now_us) {
  core::TokenPool& pool = context_.tokens.pool();
  const std::string* secret = context_.tokens.secret(job.watching_token());
  if (secret == nullptr) return put_off(job, "the token that sent it was deleted", now_us + kPutOffUs, now_us);
  if (!pool.take_request(job.watching_token(), now_us))
    return context_.jobs.schedule(job, std::max(now_us + 1000, pool.request_ready_at(job.watching_token(), now_us)));
  job.looking = true;
  context_.transfers.send(Reason::search, job.attempt, job.watching_token(), *secret, request);
}

void Rescuer::on_list(const Arrival& arrival, int64_t now_us) {
  Job* job = context_.jobs.find(arrival.transfer.attempt);
  if (job == nullptr || job->phase != Phase::searching) return;
  const replicate::ListVerdict verdict =
      replicate::judge_list(arrival.answer, now_us, context_.random(), job->failed_looks);
  if (verdict.action != replicate::ListAction::page) {
    ++job->failed_looks;
    log_call(context_.recorder, arrival, job, &verdict.failure);
    if (verdict.action == replicate::ListAction::throttle) {
      context_.tokens.pool().cool_requests(job->watching_token(), verdict.until_us);
      return context_.jobs.schedule(*job, verdict.until_us);
    }
    if (verdict.action == replicate::ListAction::other_token) {
      const auto sibling = context_.tokens.pool().sibling(job->watching_token());
      if (!sibling)
        return put_off(*job, "no token can look for the prediction whose answer was lost", now_us + verdict.delay_us,
                       now_us);
      job->other_token = *sibling;
    }
    return context_.jobs.schedule(*job, now_us + verdict.delay_us);
  }
  job->failed_looks = 0;
  job->unreadable = false;
  if (adopt_from(*job, *verdict.page, now_us)) return;
  replicate::SentAttempt sent;
  sent.sent_at_us = job->sent_at_us;
  if (replicate::may_be_on_next_page(*verdict.page, sent)) {
    const auto next = replicate::next_page(verdict.page->next, pg::settings::api_base_url());
    // While the rest of the list has not been seen, a search says nothing.
    if (!next) return put_off(*job, "the provider's list cannot be read to its end", now_us + kPutOffUs, now_us);
    if (context_.transfers.free_places() == 0) return context_.jobs.schedule(*job, now_us + core::kSecondUs);
    return send(*job, *next, now_us);
  }
  ++job->looks;
  if (const auto delay_us = core::search_delay_us(job->looks))
    return context_.jobs.schedule(*job, std::max(now_us + core::kSecondUs, job->sent_at_us + *delay_us));
  give_up(*job, now_us);
}

bool Rescuer::has_equal_in_flight(const Job& job) const {
  for (const auto& [attempt, other] : context_.jobs.all())
    if (other.phase == Phase::sending && other.input_hash == job.input_hash) return true;
  return false;
}

bool Rescuer::adopt_from(Job& job, const replicate::Page& page, int64_t now_us) {
  Known known;
  if (const auto error = read_known(job, page, known)) {
    pg::report(pg::Level::log, std::string("atelier: search postponed: ") + error->what());
    context_.jobs.schedule(job, now_us + core::kSecondUs);
    return true;
  }
  job.input_hash = std::hash<std::string>{}(known.input);
  if (has_equal_in_flight(job)) {
    // Which of the two a prediction belongs to shows when the other one is answered.
    context_.jobs.schedule(job, now_us + core::kSecondUs);
    return true;
  }
  for (const auto& [attempt, other] : context_.jobs.all())
    if (!other.prediction_id.empty()) known.owned.insert(other.prediction_id);
  const core::json::Parsed input = core::json::parse(known.input);
  replicate::SentAttempt sent;
  sent.sent_at_us = job.sent_at_us;
  sent.input = input.root();
  if (const std::string url = pg::settings::webhook_url(); !url.empty())
    sent.webhook = replicate::webhook_for_attempt(url, job.attempt);
  const replicate::Prediction* found = replicate::find_match(page, sent, known.owned);
  if (found == nullptr) return false;

  job.prediction_id = found->id;
  ++context_.report.accepted;
  job.phase = Phase::watching;
  job.looks = job.failed_looks = 0;
  job.watched_since_us = now_us;
  replicate::Answer answer;
  context_.recorder.add(accepted_entry(job, answer));
  context_.jobs.schedule(job, now_us);
  return true;
}

// The search could not be made and counts for nothing. Nobody else waits for that; and since nothing shows that the
// request never arrived, it is not sent again, but its generation fails when its time is over.
void Rescuer::put_off(Job& job, const char* reason, int64_t due_us, int64_t now_us) {
  job.unreadable = true;
  if (now_us < job.deadline_us + core::kMinuteUs) return context_.jobs.schedule(job, due_us);
  job.phase = Phase::settling;
  context_.recorder.add(unreachable_entry(context_, job, reason, now_us));
}

// The list does not show it two minutes after the sending: it never arrived.
void Rescuer::give_up(Job& job, int64_t now_us) {
  job.phase = Phase::settling;
  context_.recorder.add(
      returned_entry(context_, job, core::AttemptState::absent, nullptr, nullptr, std::max(now_us, job.not_before_us)));
}

}  // namespace atelier::worker
