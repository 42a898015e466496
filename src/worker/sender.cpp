// SPDX-License-Identifier: PostgreSQL
#include "worker/sender.hpp"

#include <algorithm>
#include <utility>

#include "core/retry.hpp"
#include "pg/fault.hpp"
#include "pg/settings.hpp"
#include "pg/transaction.hpp"
#include "replicate/reference.hpp"
#include "store/spending.hpp"
#include "worker/endings.hpp"

namespace atelier::worker {

namespace {

namespace claims = store::claims;
namespace settings = pg::settings;
using replicate::CreateAction;

// After so many requests in a row that did not reach the provider, claiming rests: rows wait in the queue, not in
// attempts.
constexpr int kUnreachedLimit = 5;
constexpr int64_t kLeastRestUs = 500'000;
// Until then an attempt is the business of the process that sent it.
constexpr int64_t kLeaseGraceUs = 60'000'000;
constexpr int kModelTries = 3;
constexpr int64_t kPostponedUs = 100'000;
// How long an account that is short of credit is sent to at the slower rate; a refusal after that begins it anew.
constexpr int64_t kLowCreditUs = 10 * core::kMinuteUs;
constexpr int64_t kOtherAccountUs = 5 * core::kSecondUs;
constexpr int64_t kLongestDeadlineUs = 24 * 60 * core::kMinuteUs;
// Rows that were taken out of the queue while they waited leave their history behind.
constexpr size_t kMostHistories = 10'000;

}  // namespace

std::optional<int64_t> Sender::ready_at_us(int64_t now_us) const {
  if (context_.transfers.free_places() == 0) return std::nullopt;
  const auto token_us = context_.tokens.pool().next_ready_at(now_us);
  if (!token_us) return std::nullopt;
  return std::max({*token_us, breaker_until_us_, rest_until_us_});
}

std::vector<int32_t> Sender::take_tokens(int64_t now_us) {
  std::vector<int32_t> tokens;
  for (size_t places = context_.transfers.free_places(); places > 0; --places) {
    const auto token = context_.tokens.pool().choose(now_us);
    if (!token) break;
    tokens.push_back(*token);
  }
  return tokens;
}

bool Sender::claim_and_send(int64_t now_us) {
  if (now_us < std::max(breaker_until_us_, rest_until_us_) || !context_.turns.anybody())
    return context_.turns.anybody();
  std::vector<int32_t> tokens = take_tokens(now_us);
  if (tokens.empty()) return true;
  const std::vector<claims::Claimed> claimed = claim(tokens, now_us);
  for (const claims::Claimed& one : claimed) {
    const auto used = std::find(tokens.begin(), tokens.end(), one.token);
    if (used != tokens.end()) tokens.erase(used);
  }
  for (const int32_t unused : tokens) context_.tokens.pool().give_back(unused);
  if (!pg::fault::is_off(pg::fault::Guarantee::intent))
    for (const claims::Claimed& one : claimed) send(one, now_us);
  ATELIER_FAULT_IF(!claimed.empty(), request_added);
  return context_.turns.anybody();
}

std::vector<claims::Claimed> Sender::claim(std::vector<int32_t>& tokens, int64_t now_us) {
  const std::vector<core::Fairness::Turn> turns = context_.turns.next(static_cast<int>(tokens.size()));
  if (turns.empty()) return {};
  claims::Batch batch;
  bool spent = false;
  const auto error = pg::in_owner_transaction([&] {
    pg::make_commit_durable();
    if (const double budget = settings::daily_budget_usd(); budget > 0 && store::spending::reached(budget, {now_us})) {
      spent = true;
      return;
    }
    claims::Limits limits;
    limits.lease_until = {now_us + settings::request_timeout_ms() * 1000 + pg::fault::scaled(kLeaseGraceUs)};
    limits.image_deadline = {now_us + settings::image_deadline_s() * core::kSecondUs};
    limits.video_deadline = {now_us + settings::video_deadline_s() * core::kSecondUs};
    batch = claims::claim(turns, tokens, limits, context_.turns.workspaces(), {now_us});
    avoid_refusing_accounts(batch.claimed, tokens, now_us);
    set_deadlines(batch.claimed);
    if (pg::fault::is_off(pg::fault::Guarantee::intent)) send_at_once(batch.claimed, now_us);
    ATELIER_FAULT_IF(!batch.claimed.empty(), claim_picked);
  });
  if (error || spent) {
    // Somebody holds a lock on what is needed, or nothing may be spent any more: the rows are still in the queue.
    if (error) pg::report(pg::Level::log, std::string("atelier: claim postponed: ") + error->what());
    for (const core::Fairness::Turn& turn : turns) context_.turns.took(turn, turn.most);
    rest_until_us_ = now_us + (spent ? core::kSecondUs : kPostponedUs);
    return {};
  }
  std::unordered_map<core::Uuid, int, core::UuidHash> taken;
  for (const core::Uuid& user : batch.dropped) ++taken[user];
  for (const claims::Claimed& one : batch.claimed) {
    ++taken[one.user];
    context_.turns.opened(one.user, one.workspace);
  }
  for (const claims::Batch::Parked& one : batch.parked) {
    ++taken[one.user];
    context_.turns.parked(one.workspace);
  }
  for (const core::Fairness::Turn& turn : turns) context_.turns.took(turn, taken[turn.user]);
  ATELIER_FAULT_IF(!batch.claimed.empty(), claim_committed);
  return std::move(batch.claimed);
}

// What must not be done: requests on their way before anybody has written down that they are. For the mutation control.
void Sender::send_at_once(const std::vector<claims::Claimed>& claimed, int64_t now_us) {
  constexpr int kTurns = 2000;
  for (const claims::Claimed& one : claimed) send(one, now_us);
  for (int turn = 0; turn < kTurns && !claimed.empty(); ++turn) context_.transfers.act();
}

// A generation that one account refused goes to another one, in the transaction that claims it.
void Sender::avoid_refusing_accounts(std::vector<claims::Claimed>& claimed, std::vector<int32_t>& tokens,
                                     int64_t now_us) {
  if (histories_.empty()) return;
  core::TokenPool& pool = context_.tokens.pool();
  for (claims::Claimed& one : claimed) {
    const auto place = histories_.find(one.generation);
    if (place == histories_.end() || place->second.avoided_account.empty()) continue;
    if (pool.account_of(one.token) != place->second.avoided_account) continue;
    const auto other = pool.choose(now_us, place->second.avoided_account);
    if (!other) continue;
    // What it had goes back with the rest that nobody took.
    tokens.push_back(*other);
    one.token = *other;
    store::attempts::set_token(one.attempt, *other);
  }
}

// A model may have a deadline of its own; a prediction that was never started gets twice the time at its next try.
void Sender::set_deadlines(std::vector<claims::Claimed>& claimed) {
  for (claims::Claimed& one : claimed) {
    const int64_t usual_us = one.deadline.us - one.sent_at.us;
    int64_t time_us = context_.catalogue.deadline_us(one.model).value_or(usual_us);
    if (context_.short_of_time.erase(one.generation) != 0) time_us = std::min(2 * time_us, kLongestDeadlineUs);
    if (time_us == usual_us) continue;
    one.deadline = {one.sent_at.us + time_us};
    store::attempts::set_deadline(one.attempt, one.deadline);
  }
}

// The account of this token has refused the generation, and another one rests at the moment.
bool Sender::waits_for_other_account(const claims::Claimed& claimed) const {
  const auto place = histories_.find(claimed.generation);
  return place != histories_.end() && !place->second.avoided_account.empty() &&
         context_.tokens.pool().account_of(claimed.token) == place->second.avoided_account &&
         context_.tokens.has_other_account(claimed.token);
}

void Sender::send(const claims::Claimed& claimed, int64_t now_us) {
  Job& job = context_.jobs.add(claimed);
  if (waits_for_other_account(claimed)) {
    context_.tokens.pool().give_back(claimed.token);
    job.phase = Phase::settling;
    return context_.recorder.add(
        returned_entry(context_, job, core::AttemptState::absent, nullptr, nullptr, now_us + kOtherAccountUs));
  }
  replicate::CreateOptions options;
  options.cancel_after_seconds = (claimed.deadline.us - claimed.sent_at.us) / core::kSecondUs;
  if (const std::string url = settings::webhook_url(); !url.empty())
    options.webhook_url = replicate::webhook_for_attempt(url, claimed.attempt);

  replicate::Failure failure;
  replicate::MadeRequest made;
  const replicate::ParsedReference parsed = replicate::parse_model_reference(claimed.model);
  if (!parsed) {
    failure = {"The model of this generation is not available.", "invalid model reference: " + parsed.reason,
               replicate::ErrorCategory::invalid_input};
  } else {
    replicate::Reference reference = *parsed.reference;
    if (reference.kind == replicate::ReferenceKind::model) {
      auto version = context_.catalogue.pinned_version(claimed.model);
      if (!version) version = context_.models.version_of(claimed.model, now_us);
      if (version) reference = replicate::with_version(reference, *version);
    }
    job.named_without_version = reference.kind == replicate::ReferenceKind::model;
    made = replicate::create_prediction(reference, claimed.input, options);
    if (!made)
      failure = {"The input of this generation is not valid.", made.error, replicate::ErrorCategory::invalid_input};
  }
  const std::string* secret = context_.tokens.secret(claimed.token);
  if (!made || secret == nullptr) {
    context_.tokens.pool().give_back(claimed.token);
    job.phase = Phase::settling;
    context_.recorder.add(made ? returned_entry(context_, job, core::AttemptState::absent, nullptr, nullptr, now_us)
                               : refused_entry(job, nullptr, failure));
    return;
  }
  context_.tokens.count_request(claimed.token);
  context_.transfers.send(Reason::create, job.attempt, job.token, *secret, *made.request);
}

void Sender::note_reachability(const Arrival& arrival, int64_t now_us) {
  int32_t& unreached = context_.report.unreached;
  if (arrival.answer.delivery != replicate::Delivery::not_sent) {
    unreached = rests_ = 0;
    breaker_until_us_ = 0;
    return;
  }
  if (++unreached < kUnreachedLimit || now_us < breaker_until_us_) return;
  // However many requests were out, they tell of one outage: the rest grows from one try to the next.
  breaker_until_us_ = now_us + kLeastRestUs + core::backoff_us(rests_++, context_.random());
}

void Sender::on_created(const Arrival& arrival, int64_t now_us) {
  note_reachability(arrival, now_us);
  Job* job = context_.jobs.find(arrival.transfer.attempt);
  if (job == nullptr) return;
  if (histories_.size() > kMostHistories) histories_.clear();
  History& history = histories_[job->generation];

  replicate::CreateContext create;
  create.now_us = now_us;
  create.random = context_.random();
  create.tries = history.tries;
  create.named_without_version = job->named_without_version;
  create.other_account_tried = history.other_account_tried || !context_.tokens.has_other_account(job->token);
  const replicate::CreateVerdict verdict = replicate::judge_create(arrival.answer, create);

  if (verdict.action == CreateAction::accepted) {
    histories_.erase(job->generation);
    return accept(*job, arrival, *verdict.prediction, now_us);
  }
  const int32_t token = job->token;
  job->phase = Phase::settling;
  const core::AttemptState end = arrival.answer.delivery == replicate::Delivery::not_sent ? core::AttemptState::absent
                                                                                          : core::AttemptState::refused;
  const auto give_back = [&](int64_t not_before_us) {
    Entry entry = returned_entry(context_, *job, end, &arrival.answer, &verdict.failure, not_before_us);
    log_call(entry, arrival, *job, &verdict.failure, {});
    context_.recorder.add(std::move(entry));
  };
  switch (verdict.action) {
    case CreateAction::accepted:
      return;
    case CreateAction::unknown: {
      histories_.erase(job->generation);
      job->phase = Phase::searching;
      job->not_before_us = now_us + verdict.delay_us;
      Entry entry = unknown_entry(*job, arrival.answer, verdict.failure);
      log_call(entry, arrival, *job, &verdict.failure, {});
      context_.recorder.add(std::move(entry));
      context_.jobs.schedule(
          *job, std::max(now_us, job->sent_at_us + pg::fault::scaled(core::search_delay_us(0).value_or(0))));
      return;
    }
    case CreateAction::requeue:
      ++history.tries;
      return give_back(now_us + verdict.delay_us);
    case CreateAction::throttle:
      context_.tokens.cool(token, verdict.until_us, true, "throttled by the provider");
      if (verdict.low_credit) context_.tokens.pool().limit_to_low_credit(token, now_us + kLowCreditUs);
      return give_back(now_us);
    case CreateAction::confirm_token:
      suspect(token, verdict.failure.admin_message, now_us);
      return give_back(now_us);
    case CreateAction::cannot_pay:
      context_.tokens.count_error(token, verdict.failure.admin_message);
      context_.tokens.cool(token, verdict.until_us, true, "account cannot pay");
      return give_back(now_us);
    case CreateAction::try_other_account:
      history.other_account_tried = true;
      history.avoided_account = context_.tokens.pool().account_of(token);
      return give_back(now_us);
    case CreateAction::resolve_version:
      log_call(context_.recorder, arrival, job, &verdict.failure);
      return resolve(*job, now_us);
    case CreateAction::fail: {
      histories_.erase(job->generation);
      Entry entry = refused_entry(*job, &arrival.answer, verdict.failure);
      log_call(entry, arrival, *job, &verdict.failure, {});
      return context_.recorder.add(std::move(entry));
    }
  }
}

// A model that answers at once has ended before it was watched: one entry takes it from sending to its end.
void Sender::accept(Job& job, const Arrival& arrival, const replicate::Prediction& prediction, int64_t now_us) {
  job.prediction_id = prediction.id;
  ++context_.report.accepted;
  if (replicate::is_terminal(prediction.status)) {
    const replicate::PollVerdict verdict = replicate::judge_prediction(prediction, poll_context(context_, job, now_us));
    if (!core::is_open(verdict.attempt)) {
      job.phase = Phase::settling;
      Entry entry = ended_entry(context_, job, verdict, now_us);
      log_call(entry, arrival, job, nullptr, prediction.status_text);
      return context_.recorder.add(std::move(entry));
    }
  }
  job.phase = Phase::watching;
  job.looks = job.failed_looks = 0;
  Entry entry = accepted_entry(job, arrival.answer);
  log_call(entry, arrival, job, nullptr, prediction.status_text);
  context_.recorder.add(std::move(entry));
  job.watched_since_us = now_us;
  const int64_t interval_us = settings::poll_interval_ms() * 1000;
  const bool at_once = job.cancel_wanted || job.hinted || context_.early.erase(job.prediction_id) != 0;
  job.hinted = false;
  context_.jobs.schedule(
      job, at_once ? now_us : now_us + core::poll_delay_us(0, job.is_video(), interval_us, context_.random()));
}

void Sender::resolve(Job& job, int64_t now_us) {
  job.phase = Phase::resolving;
  const auto parsed = replicate::parse_model_reference(job.model);
  const std::string* secret = context_.tokens.secret(job.token);
  core::TokenPool& pool = context_.tokens.pool();
  if (context_.transfers.free_places() == 0 || secret == nullptr ||
      !pool.begin_request(job.token, core::TokenPool::Use::other, now_us))
    return context_.jobs.schedule(job, std::max(now_us + core::kSecondUs, pool.request_ready_at(job.token, now_us)));
  job.looking = true;
  context_.transfers.send(Reason::resolve_model, job.attempt, job.token, *secret,
                          replicate::get_model(*parsed.reference));
}

void Sender::on_model(const Arrival& arrival, int64_t now_us) {
  Job* job = context_.jobs.find(arrival.transfer.attempt);
  if (job == nullptr || job->phase != Phase::resolving) return;
  ATELIER_FAULT(model_read);
  const replicate::ModelVerdict verdict =
      replicate::judge_model(arrival.answer, now_us, context_.random(), job->failed_looks);
  if (verdict.repeat && ++job->failed_looks < kModelTries)
    return context_.jobs.schedule(*job, now_us + verdict.delay_us);
  job->phase = Phase::settling;
  if (verdict.version) {
    context_.models.put(job->model, *verdict.version, now_us);
    return context_.recorder.add(returned_entry(context_, *job, core::AttemptState::refused, nullptr, nullptr, now_us));
  }
  log_call(context_.recorder, arrival, job, &verdict.failure);
  if (verdict.repeat)
    return context_.recorder.add(returned_entry(context_, *job, core::AttemptState::refused, nullptr, &verdict.failure,
                                                now_us + verdict.delay_us));
  context_.recorder.add(refused_entry(*job, nullptr, verdict.failure));
}

void Sender::ask_account(int32_t token, int64_t now_us) {
  const std::string* secret = context_.tokens.secret(token);
  if (secret == nullptr || !context_.tokens.pool().begin_request(token, core::TokenPool::Use::other, now_us)) return;
  context_.transfers.send(Reason::check_account, 0, token, *secret, replicate::get_account());
}

void Sender::suspect(int32_t token, const std::string& error, int64_t now_us) {
  context_.tokens.count_error(token, error);
  context_.tokens.pool().cool_token(token, now_us + core::kMinuteUs);
  suspects_.insert(token);
  ask_account(token, now_us);
}

void Sender::ask_accounts(int64_t now_us) {
  for (const int32_t token : context_.tokens.without_account()) ask_account(token, now_us);
}

void Sender::on_account(const Arrival& arrival, int64_t) {
  const int32_t token = arrival.transfer.token;
  const bool suspect = suspects_.erase(token) != 0;
  const replicate::TokenVerdict verdict = replicate::judge_account(arrival.answer);
  if (verdict.action == replicate::TokenAction::valid) return context_.tokens.learn_account(token, verdict.account);
  log_call(context_.recorder, arrival, nullptr, nullptr);
  // A token is switched off only after a refused request and a refused question.
  if (verdict.action == replicate::TokenAction::deactivate && suspect) {
    context_.tokens.deactivate(token, "refused by the provider (401)");
    pg::report(pg::Level::warning, "atelier: token " + std::to_string(token) + " was deactivated",
               "The provider refused it twice.", "Check it there, then set is_active again in replicate_tokens.");
  }
}

}  // namespace atelier::worker
