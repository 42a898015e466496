// SPDX-License-Identifier: PostgreSQL
#include "worker/trainer.hpp"

#include <algorithm>
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

// How often the rows of open trainings are looked at for a wish of others.
constexpr int64_t kLookUs = core::kSecondUs;
constexpr int64_t kWriteAgainUs = core::kSecondUs;
constexpr int kTries = 6;

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
    if (fresh || is_elsewhere(training, row)) {
      training = Training();
      follow(training, std::move(row), now_us);
      continue;
    }
    training.row.unwanted = row.unwanted;
    training.row.may_start = row.may_start;
  }
  for (auto place = trainings_.begin(); place != trainings_.end();) {
    const bool gone = present.count(place->first) == 0 && !place->second.out && !place->second.write;
    place = gone ? trainings_.erase(place) : std::next(place);
  }
  if (trainings_.empty()) next_look_us_ = INT64_MAX;
}

// Whether somebody else has moved it on: the survey has found it at the provider, or its lease has ended while nobody
// waits for an answer any more.
bool Trainer::is_elsewhere(const Training& training, const trainings::Open& row) {
  if (training.out || training.write || training.ended) return false;
  if (row.state == "running") return training.step != Step::watch;
  if (row.state == "unknown") return training.step != Step::search;
  return row.state == "queued" && (training.step == Step::search || training.step == Step::watch);
}

void Trainer::follow(Training& training, trainings::Open row, int64_t now_us) {
  training.step = row.state == "queued" ? Step::fetch : row.state == "running" ? Step::watch : Step::search;
  training.token = row.token.value_or(0);
  training.input = row.input.value_or("");
  training.watched_since_us = now_us;
  training.row = std::move(row);
  if (training.step == Step::search)
    training.due_us = training.row.sent_at_us + pg::fault::scaled(core::search_delay_us(0).value_or(0));
}

void Trainer::hear(const std::vector<store::webhooks::News>& news, int64_t now_us) {
  for (const store::webhooks::News& one : news) {
    for (auto& [id, training] : trainings_) {
      const bool meant = one.training ? *one.training == id : training.row.training_id == one.prediction_id;
      if (!meant) continue;
      context_.early.erase(one.prediction_id);
      training.hinted = training.out || training.step != Step::watch;
      const bool waits = training.step == Step::search || training.step == Step::watch;
      if (waits && !training.out && !training.write) training.due_us = now_us;
    }
  }
}

std::string Trainer::webhook_of(const Training& training) {
  const std::string url = settings::webhook_url();
  return url.empty() ? url : replicate::webhook_for_training(url, training.row.id);
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
  if (!started && training.row.unwanted && !may_be_started_) return cancel(training, now_us);
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
      [end = std::move(end), now_us] {
        const auto finished = trainings::finish(end);
        if (!finished) return;
        if (end.cost_usd) store::spending::add({{finished->user, *end.cost_usd}}, {now_us});
        if (!finished->told) return;
        const std::string name(core::text::first_chars(finished->told->name, 200));
        store::results::Notice notice{finished->told->user, name + " is trained", "Your LoRA can be used now."};
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
