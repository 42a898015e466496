// SPDX-License-Identifier: PostgreSQL
#include "worker/trainer.hpp"

#include <algorithm>
#include <cstdio>
#include <random>
#include <utility>

#include "core/retry.hpp"
#include "core/text.hpp"
#include "pg/fault.hpp"
#include "pg/settings.hpp"
#include "pg/transaction.hpp"
#include "store/results.hpp"
#include "store/spending.hpp"
#include "worker/endings.hpp"

namespace atelier::worker {

namespace {

namespace settings = pg::settings;
namespace trainings = store::trainings;
using replicate::CreateAction;

// How often the rows of open trainings are looked at for a wish of others.
constexpr int64_t kLookUs = core::kSecondUs;
constexpr int64_t kWriteAgainUs = core::kSecondUs;
constexpr int64_t kLeaseGraceUs = 30 * core::kSecondUs;
constexpr int kTries = 6;
constexpr int kAccountTries = 30;

std::string new_boundary() {
  std::random_device random;
  char text[64];
  std::snprintf(text, sizeof text, "atelier-%08x%08x%08x%08x", random(), random(), random(), random());
  return text;
}

}  // namespace

void Trainer::look(int64_t now_us) {
  std::vector<trainings::Open> open;
  next_look_us_ = now_us + kLookUs;
  if (const auto error = pg::in_owner_transaction([&] { open = trainings::open(); })) {
    pg::report(pg::Level::log, std::string("atelier: look at trainings postponed: ") + error->what());
    return;
  }
  std::set<int64_t> present;
  for (trainings::Open& row : open) {
    present.insert(row.id);
    const auto [place, fresh] = trainings_.try_emplace(row.id);
    Training& training = place->second;
    if (!fresh) {
      training.row.unwanted = row.unwanted;
      training.row.may_start = row.may_start;
      continue;
    }
    training.step = row.state == "queued" ? Step::fetch : row.state == "running" ? Step::watch : Step::search;
    training.token = row.token.value_or(0);
    training.input = row.input.value_or("");
    training.watched_since_us = now_us;
    training.row = std::move(row);
    if (training.step == Step::search)
      training.due_us = training.row.sent_at_us + pg::fault::scaled(core::search_delay_us(0).value_or(0));
  }
  for (auto place = trainings_.begin(); place != trainings_.end();) {
    const bool gone = present.count(place->first) == 0 && !place->second.out && !place->second.write;
    place = gone ? trainings_.erase(place) : std::next(place);
  }
  if (trainings_.empty()) next_look_us_ = INT64_MAX;
}

void Trainer::act(int64_t now_us) {
  if (now_us >= next_look_us_) look(now_us);
  for (auto place = trainings_.begin(); place != trainings_.end();) {
    Training& training = place->second;
    if (!training.out && training.due_us <= now_us && context_.transfers.free_places() > 0) advance(training, now_us);
    place = training.ended && !training.write ? trainings_.erase(place) : std::next(place);
  }
}

std::optional<int64_t> Trainer::due_us() const {
  std::optional<int64_t> earliest;
  if (next_look_us_ != INT64_MAX) earliest = next_look_us_;
  for (const auto& [id, training] : trainings_)
    if (!training.out && (!earliest || training.due_us < *earliest)) earliest = training.due_us;
  return earliest;
}

void Trainer::advance(Training& training, int64_t now_us) {
  if (training.write) {
    const std::function<void()> write = std::move(training.write);
    training.write = nullptr;
    return record(training, write, now_us);
  }
  if (training.ended) return;
  const bool started = training.step == Step::search || training.step == Step::watch;
  if (!started && training.row.unwanted) return cancel(training, now_us);
  if (!started && (!may_start_ || !training.row.may_start)) {
    training.due_us = now_us + kLookUs;
    return;
  }
  switch (training.step) {
    case Step::fetch:
      return fetch(training, now_us);
    case Step::upload:
      return upload(training, now_us);
    case Step::find_model:
      ask(training, replicate::get_destination(training.account), now_us);
      return;
    case Step::make_model:
      ask(training, replicate::make_destination(training.account), now_us);
      return;
    case Step::create:
      return create(training, now_us);
    case Step::search:
      return search(training, now_us);
    case Step::watch:
      return watch(training, now_us);
  }
}

void Trainer::on_answer(const Arrival& arrival, int64_t now_us) {
  const auto place = trainings_.find(arrival.transfer.attempt);
  if (place == trainings_.end()) return;
  Training& training = place->second;
  training.out = false;
  training.due_us = now_us;
  if (arrival.transfer.reason == Reason::train) return on_created(training, arrival, now_us);
  if (arrival.transfer.reason == Reason::download) return on_picture(training, arrival, now_us);
  log_call(context_.recorder, arrival, nullptr, nullptr);
  switch (training.step) {
    case Step::upload:
      return on_uploaded(training, arrival, now_us);
    case Step::find_model:
    case Step::make_model:
      return on_model(training, arrival, now_us);
    case Step::search:
      return on_list(training, arrival, now_us);
    case Step::watch:
      return on_look(training, arrival, now_us);
    case Step::fetch:
    case Step::create:
      return;
  }
}

bool Trainer::ask(Training& training, const replicate::Request& request, int64_t now_us) {
  const std::string* secret = context_.tokens.secret(training.token);
  core::TokenPool& pool = context_.tokens.pool();
  if (secret == nullptr || !pool.begin_request(training.token, core::TokenPool::Use::other, now_us)) {
    training.due_us = std::max(now_us + core::kSecondUs, pool.request_ready_at(training.token, now_us));
    return false;
  }
  training.out = true;
  context_.transfers.send(Reason::training, training.row.id, training.token, *secret, request);
  return true;
}

void Trainer::again(Training& training, const replicate::Answer& answer, const char* message, int64_t now_us) {
  if (++training.tries < kTries) {
    training.due_us = now_us + core::backoff_us(training.tries, context_.random());
    return;
  }
  const replicate::Problem problem = replicate::parse_problem(answer.body);
  fail(training, message, answer.transport_error.empty() ? problem.text : answer.transport_error, now_us);
}

// Picks an account; which of its tokens creates the training shows later.
void Trainer::upload(Training& training, int64_t now_us) {
  core::TokenPool& pool = context_.tokens.pool();
  const auto token = pool.choose(now_us);
  if (token) pool.give_back(*token);
  const std::string account = token ? pool.account_of(*token) : std::string();
  if (account.empty()) {
    training.due_us = now_us + core::kSecondUs;
    return;
  }
  training.token = *token;
  training.account = account;
  const Step next = destinations_.count(account) != 0 ? Step::create : Step::find_model;
  if (training.file_account == account) {
    training.step = next;
    return;
  }
  const std::string* secret = context_.tokens.secret(*token);
  if (secret == nullptr || !pool.begin_request(*token, core::TokenPool::Use::other, now_us)) {
    training.due_us = std::max(now_us + core::kSecondUs, pool.request_ready_at(*token, now_us));
    return;
  }
  const replicate::UploadFrame frame =
      replicate::upload_frame(new_boundary(), "training-" + std::to_string(training.row.id) + ".zip");
  training.out = true;
  context_.transfers.upload(training.row.id, *token, *secret, replicate::kFilesPath,
                            {frame.before, training.set_file->fd(), training.set_file->size(), frame.after},
                            frame.content_type);
}

void Trainer::on_uploaded(Training& training, const Arrival& arrival, int64_t now_us) {
  const auto file = replicate::is_success(arrival.answer) ? replicate::parse_file(arrival.answer.body) : std::nullopt;
  if (!file) {
    if (arrival.answer.status == 401 || arrival.answer.status == 429)
      context_.tokens.pool().cool_token(training.token, now_us + core::kMinuteUs);
    return again(training, arrival.answer, "The pictures could not be uploaded.", now_us);
  }
  ATELIER_FAULT(training_uploaded);
  training.tries = 0;
  training.file = *file;
  training.file_account = training.account;
  training.step = destinations_.count(training.account) != 0 ? Step::create : Step::find_model;
}

void Trainer::on_model(Training& training, const Arrival& arrival, int64_t now_us) {
  constexpr const char* kMessage = "The model for the training could not be made.";
  const replicate::Answer& answer = arrival.answer;
  const bool finding = training.step == Step::find_model;
  if (replicate::is_success(answer)) {
    training.tries = 0;
    destinations_.insert(training.account);
    training.step = Step::create;
  } else if (finding && answer.status == 404) {
    training.step = Step::make_model;
  } else if (!finding && answer.status == 409) {
    // It exists, or it is being made for another training: the question tells.
    training.step = Step::find_model;
    again(training, answer, kMessage, now_us);
  } else if (answer.status >= 400 && answer.status < 500 && answer.status != 408 && answer.status != 425 &&
             answer.status != 429 && answer.status != 401) {
    fail(training, kMessage, replicate::parse_problem(answer.body).text, now_us);
  } else {
    again(training, answer, kMessage, now_us);
  }
}

std::optional<int32_t> Trainer::choose_of(const std::string& account, int64_t now_us) {
  core::TokenPool& pool = context_.tokens.pool();
  std::vector<int32_t> others;
  std::optional<int32_t> chosen;
  for (size_t i = context_.tokens.active_tokens(); i > 0 && !chosen; --i) {
    const auto token = pool.choose(now_us);
    if (!token) break;
    if (pool.account_of(*token) == account) {
      chosen = token;
    } else {
      others.push_back(*token);
    }
  }
  for (const int32_t token : others) pool.give_back(token);
  return chosen;
}

void Trainer::create(Training& training, int64_t now_us) {
  const auto token = choose_of(training.account, now_us);
  const std::string* secret = token ? context_.tokens.secret(*token) : nullptr;
  if (secret == nullptr) {
    if (token) context_.tokens.pool().give_back(*token);
    if (++training.tries > kAccountTries) training.step = Step::upload;
    training.due_us = now_us + core::kSecondUs;
    return;
  }
  training.input = replicate::training_input(training.file.url, training.row.trigger_word, training.row.type);
  const auto request =
      replicate::create_training(training.row.trainer, training.row.version, training.account, training.input);
  if (!request) {
    context_.tokens.pool().give_back(*token);
    return fail(training, "The trainer is not available.", "invalid name of a trainer: " + training.row.trainer,
                now_us);
  }
  trainings::Claim claim;
  claim.id = training.row.id;
  claim.token = *token;
  claim.account = training.account;
  claim.destination = training.account + "/" + std::string(replicate::kDestinationName);
  claim.file_id = training.file.id;
  claim.input = training.input;
  claim.sent_at = {now_us};
  claim.lease_until = {now_us + settings::request_timeout_ms() * 1000 + pg::fault::scaled(kLeaseGraceUs)};
  claim.deadline = {now_us + settings::training_deadline_s() * core::kSecondUs};
  bool claimed = false;
  const auto error = pg::in_owner_transaction([&] {
    pg::make_commit_durable();
    const double budget = settings::daily_budget_usd();
    if (budget > 0 && store::spending::reached(budget, {now_us})) return;
    claimed = trainings::claim(claim);
    ATELIER_FAULT(training_written);
  });
  if (error || !claimed) {
    if (error) pg::report(pg::Level::log, std::string("atelier: training postponed: ") + error->what());
    context_.tokens.pool().give_back(*token);
    training.due_us = now_us + core::kSecondUs;
    return;
  }
  ATELIER_FAULT(training_committed);
  training.token = *token;
  training.row.sent_at_us = now_us;
  training.row.deadline_us = claim.deadline.us;
  training.out = true;
  context_.tokens.count_request(*token);
  context_.transfers.send(Reason::train, training.row.id, *token, *secret, *request);
  context_.transfers.act();
  ATELIER_FAULT(training_sent);
}

void Trainer::on_created(Training& training, const Arrival& arrival, int64_t now_us) {
  ATELIER_FAULT(training_read);
  replicate::CreateContext create;
  create.now_us = now_us;
  create.random = context_.random();
  create.tries = training.sends;
  create.other_account_tried = true;
  const replicate::CreateVerdict verdict = replicate::judge_create(arrival.answer, create);
  log_call(context_.recorder, arrival, nullptr, verdict.action == CreateAction::accepted ? nullptr : &verdict.failure);
  switch (verdict.action) {
    case CreateAction::accepted:
      return accept(training, verdict.prediction->id, now_us);
    case CreateAction::unknown: {
      training.step = Step::search;
      training.due_us = training.row.sent_at_us + pg::fault::scaled(core::search_delay_us(0).value_or(0));
      const int64_t id = training.row.id;
      const std::string why = verdict.failure.admin_message;
      return record(
          training, [id, why] { trainings::lose(id, why); }, now_us);
    }
    case CreateAction::throttle:
      context_.tokens.cool(training.token, verdict.until_us, true, "throttled by the provider");
      return return_training(training, verdict.failure, now_us, now_us);
    case CreateAction::cannot_pay:
      context_.tokens.count_error(training.token, verdict.failure.admin_message);
      context_.tokens.cool(training.token, verdict.until_us, true, "account cannot pay");
      return return_training(training, verdict.failure, now_us, now_us);
    case CreateAction::confirm_token:
      context_.tokens.count_error(training.token, verdict.failure.admin_message);
      context_.tokens.pool().cool_token(training.token, now_us + core::kMinuteUs);
      return return_training(training, verdict.failure, now_us, now_us);
    case CreateAction::requeue:
      return return_training(training, verdict.failure, now_us + verdict.delay_us, now_us);
    case CreateAction::try_other_account:
    case CreateAction::resolve_version:
    case CreateAction::fail:
      break;
  }
  destinations_.erase(training.account);
  fail(training, "The provider refused the training.", verdict.failure.admin_message, now_us);
}

// Nothing was started. The set is still there, and so is its upload for another try with the same account.
void Trainer::return_training(Training& training, const replicate::Failure& failure, int64_t until_us, int64_t now_us) {
  ++training.sends;
  training.step = training.set_file ? Step::upload : Step::fetch;
  training.tries = 0;
  const int64_t id = training.row.id;
  const std::string why = failure.admin_message;
  record(
      training, [id, why] { trainings::give_back(id, why); }, now_us);
  training.due_us = std::max(training.due_us, until_us);
}

void Trainer::record(Training& training, std::function<void()> write, int64_t now_us) {
  const auto error = pg::in_owner_transaction([&] {
    pg::make_commit_durable();
    write();
  });
  if (!error) return;
  pg::report(pg::Level::log, std::string("atelier: a training could not be written yet: ") + error->what());
  training.write = std::move(write);
  training.due_us = now_us + kWriteAgainUs;
}

void Trainer::finish(Training& training, trainings::End end, int64_t now_us) {
  end.id = training.row.id;
  training.ended = true;
  if (end.error) end.error = std::string(core::text::first_chars(core::text::redact(*end.error), 2000));
  record(
      training,
      [end = std::move(end)] {
        const auto told = trainings::finish(end);
        if (!told) return;
        const std::string name(core::text::first_chars(told->name, 200));
        store::results::Notice notice{told->user, name + " is trained", "Your LoRA can be used now."};
        if (end.message) {
          notice.title = name + " could not be trained";
          notice.message = *end.message;
        }
        const auto error = pg::in_subtransaction([&] { store::results::notify({notice}); });
        if (error) pg::report(pg::Level::log, std::string("atelier: no notification: ") + error->what());
      },
      now_us);
  ATELIER_FAULT(training_ended);
  training.zip.reset();
  training.set_file.reset();
  training.picture_file.reset();
}

void Trainer::fail(Training& training, const std::string& message, const std::string& for_admins, int64_t now_us) {
  trainings::End end;
  end.state = "failed";
  end.message = message;
  end.error = for_admins.empty() ? message : for_admins;
  finish(training, std::move(end), now_us);
}

void Trainer::cancel(Training& training, int64_t now_us) {
  trainings::End end;
  end.state = "cancelled";
  end.message = "The training was cancelled.";
  finish(training, std::move(end), now_us);
}

}  // namespace atelier::worker
