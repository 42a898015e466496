// SPDX-License-Identifier: PostgreSQL
#include "worker/rescuer.hpp"

#include <algorithm>
#include <functional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/json.hpp"
#include "core/retry.hpp"
#include "pg/fault.hpp"
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
constexpr size_t kMostAtOnce = 256;

// What only the database knows about a search: the inputs that were sent, and whose predictions these are.
struct Known {
  std::unordered_map<int64_t, std::string> inputs;
  std::set<std::string> owned;
};

std::optional<pg::Error> read_known(const std::vector<Job*>& jobs, const replicate::Page& page, Known& known) {
  std::vector<std::string> ids;
  for (const replicate::Prediction& prediction : page.predictions) ids.push_back(prediction.id);
  std::vector<int64_t> attempts;
  for (const Job* job : jobs) attempts.push_back(job->attempt);
  return pg::in_owner_transaction([&] {
    for (auto& [attempt, input] : store::attempts::inputs_of(attempts)) known.inputs[attempt] = std::move(input);
    const int64_t since_us = jobs.front()->sent_at_us - pg::settings::video_deadline_s() * core::kSecondUs;
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

bool Rescuer::is_of_account(const Job& job, const Job& other) const {
  if (job.watching_token() == other.watching_token()) return true;
  const std::string account = context_.tokens.pool().account_of(job.watching_token());
  return !account.empty() && context_.tokens.pool().account_of(other.watching_token()) == account;
}

// A listing that begins at the leader's sending shows what the others of its account are searched for too.
Rescuer::Party Rescuer::followers(const Job& leader, int64_t now_us) {
  Party party;
  for (auto& [attempt, job] : context_.jobs.all()) {
    if (job.phase != Phase::searching || job.looking || &job == &leader) continue;
    if (job.sent_at_us < leader.sent_at_us || job.due_us > now_us + pg::fault::scaled(core::kSecondUs)) continue;
    if (is_of_account(leader, job)) party.push_back(&job);
    if (party.size() == kMostAtOnce) break;
  }
  return party;
}

Rescuer::Party Rescuer::party_of(int64_t leader) {
  Party party;
  for (auto& [attempt, job] : context_.jobs.all())
    if (job.phase == Phase::searching && job.looking && job.search_leader == leader) party.push_back(&job);
  std::sort(party.begin(), party.end(), [](const Job* a, const Job* b) { return a->attempt < b->attempt; });
  return party;
}

void Rescuer::search(Job& job, int64_t now_us) {
  if (pg::fault::is_off(pg::fault::Guarantee::rescue)) return give_up(job, now_us);
  Party party = followers(job, now_us);
  party.push_back(&job);
  for (Job* one : party) one->may_have_expired = false;
  int64_t last_us = job.sent_at_us;
  for (const Job* one : party) last_us = std::max(last_us, one->sent_at_us);
  // What came later was not theirs: however long ago they were sent, the listing is as short as the time of sending.
  const int64_t before_us = last_us + pg::settings::request_timeout_ms() * 1000 +
                            pg::fault::scaled(replicate::kArrivalUs + replicate::kClockSkewUs);
  send(job, party, replicate::list_predictions(job.sent_at_us - pg::fault::scaled(replicate::kClockSkewUs), before_us),
       now_us);
}

void Rescuer::schedule(const Party& party, int64_t due_us) {
  for (Job* job : party) context_.jobs.schedule(*job, due_us);
}

void Rescuer::send(Job& leader, const Party& party, const replicate::Request& request, int64_t now_us) {
  core::TokenPool& pool = context_.tokens.pool();
  const int32_t token = leader.watching_token();
  const std::string* secret = context_.tokens.secret(token);
  if (secret == nullptr) return put_off({&leader}, "the token that sent it was deleted", now_us);
  if (context_.transfers.free_places() == 0) return schedule(party, now_us + core::kSecondUs);
  if (!pool.begin_request(token, core::TokenPool::Use::other, now_us))
    return schedule(party, std::max(now_us + 1000, pool.request_ready_at(token, now_us)));
  for (Job* job : party) {
    job->looking = true;
    job->search_leader = leader.attempt;
  }
  context_.transfers.send(Reason::search, leader.attempt, token, *secret, request);
  ATELIER_FAULT(search_sent);
}

void Rescuer::act_on_failure(const Arrival& arrival, const replicate::ListVerdict& verdict, Job& leader,
                             const Party& party, int64_t now_us) {
  for (Job* job : party) ++job->failed_looks;
  log_call(context_.recorder, arrival, &leader, &verdict.failure);
  if (verdict.action == replicate::ListAction::throttle) {
    context_.tokens.pool().cool_requests(leader.watching_token(), verdict.until_us);
    return schedule(party, verdict.until_us);
  }
  if (verdict.action == replicate::ListAction::other_token) {
    const auto sibling = context_.tokens.pool().sibling(leader.watching_token());
    if (!sibling) return put_off(party, "no token can look for the prediction whose answer was lost", now_us);
    for (Job* job : party) job->other_token = *sibling;
  }
  schedule(party, now_us + verdict.delay_us);
}

void Rescuer::on_list(const Arrival& arrival, int64_t now_us) {
  Party party = party_of(arrival.transfer.attempt);
  if (party.empty()) return;
  ATELIER_FAULT(list_read);
  const replicate::ListVerdict verdict =
      replicate::judge_list(arrival.answer, now_us, context_.random(), party.front()->failed_looks);
  if (verdict.action != replicate::ListAction::page)
    return act_on_failure(arrival, verdict, *party.front(), party, now_us);
  for (Job* job : party) {
    job->failed_looks = 0;
    job->unreadable = false;
  }
  if (!adopt_from(*party.front(), *verdict.page, now_us))
    return schedule(party, now_us + pg::fault::scaled(core::kSecondUs));
  const auto unclear = std::stable_partition(party.begin(), party.end(), [](const Job* job) { return !job->unclear; });
  schedule({unclear, party.end()}, now_us + pg::fault::scaled(core::kSecondUs));
  party.erase(unclear, party.end());
  party.erase(std::remove_if(party.begin(), party.end(), [](const Job* job) { return job->phase != Phase::searching; }),
              party.end());
  if (party.empty()) return;
  if (!replicate::may_be_on_next_page(*verdict.page, party.front()->sent_at_us)) return count_search(party, now_us);
  const auto next = replicate::next_page(verdict.page->next);
  // While the rest of the list has not been seen, a search says nothing.
  if (!next) return put_off(party, "the provider's list cannot be read to its end", now_us);
  send(*party.front(), party, *next, now_us);
}

void Rescuer::count_search(const Party& party, int64_t now_us) {
  for (Job* job : party) {
    // A look before its time shows less, since a list may be late: it does not count.
    if (!std::exchange(job->hinted, false)) ++job->looks;
    if (const auto delay_us = core::search_delay_us(job->looks)) {
      context_.jobs.schedule(
          *job, std::max(now_us + pg::fault::scaled(core::kSecondUs), job->sent_at_us + pg::fault::scaled(*delay_us)));
    } else if (job->may_have_expired) {
      give_up_unreadable(*job, now_us);
    } else {
      give_up(*job, now_us);
    }
  }
}

// Inputs of requests that have been sent and not been answered.
std::unordered_set<size_t> Rescuer::inputs_in_flight() const {
  std::unordered_set<size_t> inputs;
  for (const auto& [attempt, job] : context_.jobs.all())
    if (job.phase == Phase::sending) inputs.insert(job.input_hash);
  return inputs;
}

// Those that ask, and others as long as their inputs fit into memory; in the order of their sending.
Rescuer::Party Rescuer::searched_with(const Job& asking) {
  Party party = party_of(asking.search_leader);
  for (auto& [attempt, job] : context_.jobs.all()) {
    if (party.size() >= 2 * kMostAtOnce) break;
    const bool other = job.phase == Phase::searching && !(job.looking && job.search_leader == asking.search_leader);
    if (other && is_of_account(asking, job)) party.push_back(&job);
  }
  std::sort(party.begin(), party.end(), [](const Job* a, const Job* b) { return a->attempt < b->attempt; });
  return party;
}

bool Rescuer::adopt_from(const Job& asking, const replicate::Page& page, int64_t now_us) {
  const Party jobs = searched_with(asking);
  Known known;
  if (const auto error = read_known(jobs, page, known)) {
    pg::report(pg::Level::log, std::string("atelier: search postponed: ") + error->what());
    return false;
  }
  std::unordered_set<std::string_view> listed;
  for (const replicate::Prediction& prediction : page.predictions) listed.insert(prediction.id);
  for (const auto& [attempt, other] : context_.jobs.all())
    if (listed.count(other.prediction_id) != 0) known.owned.insert(other.prediction_id);
  const std::unordered_set<size_t> in_flight = inputs_in_flight();
  std::unordered_map<size_t, std::set<std::string>> models;
  for (Job* job : jobs) {
    job->input_hash = std::hash<std::string>{}(known.inputs[job->attempt]);
    models[job->input_hash].insert(job->model);
  }
  for (Job* job : jobs) {
    // Which of the two a prediction belongs to shows when the other one is answered.
    job->unclear = in_flight.count(job->input_hash) != 0;
    if (job->unclear) continue;
    const core::json::Parsed input = core::json::parse(known.inputs[job->attempt]);
    replicate::SentAttempt sent;
    sent.sent_at_us = job->sent_at_us;
    sent.input = input.root();
    sent.attempt = job->attempt;
    sent.model = job->model;
    sent.other_models = models[job->input_hash];
    sent.other_models.erase(job->model);
    if (const std::string url = pg::settings::webhook_url(); !url.empty())
      sent.webhook = replicate::webhook_for_attempt(url, job->attempt);
    if (const replicate::Prediction* found = replicate::find_match(page, sent, known.owned)) {
      known.owned.insert(found->id);
      adopt(*job, found->id, now_us);
    } else {
      job->may_have_expired = job->may_have_expired || replicate::may_be_unreadable(page, sent, known.owned);
    }
  }
  return true;
}

void Rescuer::adopt(Job& job, const std::string& prediction_id, int64_t now_us) {
  job.prediction_id = prediction_id;
  ++context_.report.accepted;
  job.phase = Phase::watching;
  job.looks = job.failed_looks = 0;
  job.watched_since_us = now_us;
  replicate::Answer answer;
  context_.recorder.add(accepted_entry(job, answer));
  context_.jobs.schedule(job, now_us);
}

// The search could not be made and counts for nothing. Nobody else waits for that; and since nothing shows that the
// request never arrived, it is not sent again, but its generation fails when its time is over.
void Rescuer::put_off(const Party& party, const char* reason, int64_t now_us) {
  for (Job* job : party) {
    job->unreadable = true;
    if (now_us < job->deadline_us + core::kMinuteUs) {
      context_.jobs.schedule(*job, now_us + kPutOffUs);
    } else {
      job->phase = Phase::settling;
      context_.recorder.add(unreachable_entry(context_, *job, reason, now_us));
    }
  }
}

// The list does not show it two minutes after the sending: it never arrived.
void Rescuer::give_up(Job& job, int64_t now_us) {
  job.phase = Phase::settling;
  context_.recorder.add(
      returned_entry(context_, job, core::AttemptState::absent, nullptr, nullptr, std::max(now_us, job.not_before_us)));
}

// Something of that time is in the list whose input the provider has deleted or does not show. It may be ours, so the
// request is not repeated.
void Rescuer::give_up_unreadable(Job& job, int64_t now_us) {
  job.phase = Phase::settling;
  context_.recorder.add(expired_entry(context_, job, now_us));
}

}  // namespace atelier::worker
