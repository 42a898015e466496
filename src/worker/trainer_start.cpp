// SPDX-License-Identifier: PostgreSQL
// The part of the trainer that starts a training: the upload of the set, the model that gets the result, the creating
// request and its answer.
#include <algorithm>
#include <cstdio>
#include <random>
#include <utility>

#include "core/retry.hpp"
#include "pg/fault.hpp"
#include "pg/settings.hpp"
#include "pg/transaction.hpp"
#include "worker/endings.hpp"
#include "worker/trainer.hpp"

namespace atelier::worker {

namespace {

namespace settings = pg::settings;
namespace trainings = store::trainings;
using replicate::CreateAction;

constexpr int64_t kLeaseGraceUs = 30 * core::kSecondUs;
constexpr int kAccountTries = 30;
// The provider deletes an upload a day after it was made; a training has to fetch it before.
constexpr int64_t kUploadGoodForUs = 20 * 60 * core::kMinuteUs;

std::string new_boundary() {
  std::random_device random;
  char text[64];
  std::snprintf(text, sizeof text, "atelier-%08x%08x%08x%08x", random(), random(), random(), random());
  return text;
}

}  // namespace

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
  if (training.file_account == account && now_us < training.uploaded_us + kUploadGoodForUs) {
    training.step = next;
    return;
  }
  const std::string* secret = context_.tokens.secret(*token);
  if (secret == nullptr || !pool.begin_request(*token, core::TokenPool::Use::other, now_us)) {
    training.due_us = std::max(now_us + core::kSecondUs, pool.request_ready_at(*token, now_us));
    return;
  }
  const replicate::UploadFrame frame =
      replicate::upload_frame(new_boundary(), replicate::set_name({training.row.id, training.row.lora}));
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
  training.uploaded_us = now_us;
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
  if (now_us >= training.uploaded_us + kUploadGoodForUs) {
    training.step = Step::upload;
    return;
  }
  const auto token = choose_of(training.account, now_us);
  const std::string* secret = token ? context_.tokens.secret(*token) : nullptr;
  if (secret == nullptr) {
    if (token) context_.tokens.pool().give_back(*token);
    if (++training.tries > kAccountTries) training.step = Step::upload;
    training.due_us = now_us + core::kSecondUs;
    return;
  }
  training.input = replicate::training_input(training.file.url, training.row.trigger_word, training.row.type);
  const auto request = replicate::create_training(training.row.trainer, training.row.version, training.account,
                                                  training.input, webhook_of(training));
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
      if (!training.hinted)
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
      sender_.suspect(training.token, verdict.failure.admin_message, now_us);
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

}  // namespace atelier::worker
