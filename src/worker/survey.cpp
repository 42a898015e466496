// SPDX-License-Identifier: PostgreSQL
#include "worker/survey.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "core/json.hpp"
#include "core/retry.hpp"
#include "pg/fault.hpp"
#include "pg/settings.hpp"
#include "pg/transaction.hpp"
#include "replicate/matching.hpp"
#include "replicate/outcome.hpp"
#include "replicate/training.hpp"
#include "store/dispatch.hpp"
#include "worker/endings.hpp"

namespace atelier::worker {

namespace {

// What was on its way when the former server ended is listed a moment later.
constexpr int kRounds = 2;
constexpr int64_t kNextRoundUs = 5 * core::kSecondUs;
// So often every token of an account may be refused before the account is left out: nobody can have sent with it.
constexpr int kMostRefusals = 3;
constexpr int64_t kBusyUs = 200'000;
constexpr int64_t kPutOffUs = 5 * core::kSecondUs;
constexpr std::array<const char*, 3> kNames{"predictions", "trainings", "uploads"};

// Whether it says what the file is called, or that there is none any more.
bool is_file_answer(const replicate::Answer& answer) {
  return replicate::is_success(answer) || (answer.delivery == replicate::Delivery::delivered && answer.status == 404);
}

}  // namespace

std::string Survey::name_of(const Source& source) {
  return std::string(kNames[static_cast<size_t>(source.what)]) + " of token " + std::to_string(source.token);
}

void Survey::begin(int64_t now_us) {
  if (phase_ != Phase::idle) return;
  const auto error = pg::in_owner_transaction([&] {
    since_us_ = store::survey::last_known().us;
    trainings_.begin(store::survey::open_trainings());
  });
  if (error) {
    if (!error->passes_by_itself()) throw *error;
    return;
  }
  std::set<std::string> accounts;
  // The former timeline may have sent with a token that is switched off by now.
  for (const int32_t token : context_.tokens.known()) {
    const std::string account = context_.tokens.pool().account_of(token);
    if (!account.empty() && !accounts.insert(account).second) continue;
    add_source(What::predictions, token, now_us);
    if (trainings_.are_wanted()) add_source(What::trainings, token, now_us);
  }
  phase_ = Phase::listing;
  list_from_start(now_us);
}

bool Survey::take_finished() noexcept {
  const bool finished = finished_;
  finished_ = false;
  return finished;
}

void Survey::add_source(What what, int32_t token, int64_t due_us, const std::string& file) {
  Source source{++last_source_, what, token, {}, due_us, file};
  if (what == What::file) source.request = replicate::get_file(file);
  sources_.push_back(std::move(source));
}

void Survey::list_from_start(int64_t due_us) {
  seen_.clear();
  ids_.clear();
  // What an upload is called does not change.
  sources_.erase(
      std::remove_if(sources_.begin(), sources_.end(), [](const Source& source) { return source.what == What::file; }),
      sources_.end());
  for (Source& source : sources_) {
    source.request = first_page(source);
    source.due_us = due_us;
    source.out = source.read = false;
  }
}

void Survey::act(int64_t now_us) {
  if (phase_ != Phase::listing) return;
  for (Source& source : sources_) {
    if (source.out || source.read || source.due_us > now_us || context_.transfers.free_places() == 0) continue;
    const std::string* secret = context_.tokens.secret(source.token);
    if (secret == nullptr) {
      source.read = true;
      continue;
    }
    if (!context_.tokens.pool().begin_request(source.token, core::TokenPool::Use::other, now_us)) {
      source.due_us = std::max(now_us + kBusyUs, context_.tokens.pool().request_ready_at(source.token, now_us));
      continue;
    }
    source.out = true;
    context_.transfers.send(Reason::survey, source.id, source.token, *secret, source.request);
    ATELIER_FAULT(survey_sent);
  }
  const bool all = std::all_of(sources_.begin(), sources_.end(), [](const Source& source) { return source.read; });
  if (all) compare(now_us);
}

void Survey::on_list(const Arrival& arrival, int64_t now_us) {
  const auto place = std::find_if(sources_.begin(), sources_.end(),
                                  [&](const Source& one) { return one.out && one.id == arrival.transfer.attempt; });
  if (phase_ != Phase::listing || place == sources_.end()) return;
  ATELIER_FAULT(survey_read);
  Source& source = *place;
  source.out = false;
  if (source.what == What::file && is_file_answer(arrival.answer)) {
    source.read = true;
    return trainings_.name_file(source.file, replicate::parse_file_name(arrival.answer.body));
  }
  const replicate::ListVerdict verdict =
      replicate::judge_list(arrival.answer, now_us, context_.random(), source.failures);
  if (verdict.action != replicate::ListAction::page) {
    ++source.failures;
    log_call(context_.recorder, arrival, nullptr, &verdict.failure);
    source.due_us = now_us + verdict.delay_us;
    if (verdict.action == replicate::ListAction::throttle) {
      context_.tokens.pool().cool_requests(source.token, verdict.until_us);
      source.due_us = verdict.until_us;
    } else if (verdict.action == replicate::ListAction::other_token) {
      if (const auto sibling = context_.tokens.pool().sibling(source.token)) source.token = *sibling;
      if (++source.refusals < kMostRefusals) return;
      source.read = true;
      pg::report(pg::Level::warning, "atelier: the " + name_of(source) + " cannot be listed",
                 "What the former timeline has sent with it cannot be compared with the queue.");
    }
    return;
  }
  source.failures = 0;
  turn_page(source, *verdict.page, now_us);
  if (source.what == What::predictions) return collect(source, *verdict.page);
  trainings_.collect(source.token, *verdict.page);
  // Adds sources: `source` is not used any more.
  ask_for_files(source.token, now_us);
}

replicate::Request Survey::first_page(const Source& source) const {
  return source.what == What::trainings ? replicate::list_trainings()
                                        : replicate::list_predictions(since_us_ - replicate::kClockSkewUs);
}

void Survey::turn_page(Source& source, const replicate::Page& page, int64_t now_us) {
  const bool trainings = source.what == What::trainings;
  source.read = !replicate::may_be_on_next_page(page, trainings ? trainings_.since_us() : since_us_);
  if (source.read) return;
  if (const auto next = trainings ? replicate::next_training_page(page.next) : replicate::next_page(page.next)) {
    source.request = *next;
    return;
  }
  // While the rest of the list has not been seen, nothing shows that a row was not sent.
  source.request = first_page(source);
  source.due_us = now_us + pg::fault::scaled(kPutOffUs);
  if (std::exchange(source.is_cut, true)) return;
  pg::report(
      pg::Level::warning, "atelier: the " + name_of(source) + " cannot be listed to their end",
      "The page says that there are more, and not where. Nothing new is sent before they have been compared with "
      "the queue.",
      "Make sure that nothing between this server and the provider changes its answers.");
}

void Survey::ask_for_files(int32_t token, int64_t now_us) {
  for (const std::string& file : trainings_.take_files(token)) add_source(What::file, token, now_us, file);
}

void Survey::collect(const Source& source, const replicate::Page& page) {
  for (const replicate::Prediction& prediction : page.predictions) {
    // Two tokens whose account is not known yet may belong to one.
    if (!ids_.insert(prediction.id).second) continue;
    store::survey::Seen seen;
    seen.prediction_id = prediction.id;
    seen.token = source.token;
    seen.model = prediction.model;
    seen.created_at = {prediction.created_at_us.value_or(since_us_)};
    if (prediction.deadline_us) seen.deadline = pg::Timestamp{*prediction.deadline_us};
    if (replicate::is_readable(prediction)) seen.input = core::json::to_text(prediction.input);
    seen_.push_back(std::move(seen));
  }
}

void Survey::compare(int64_t now_us) {
  ++rounds_;
  const bool last = rounds_ >= kRounds;
  store::survey::Outcome outcome;
  const auto error = pg::in_owner_transaction([&] {
    pg::make_commit_durable();
    outcome =
        store::survey::adopt(seen_, {since_us_}, pg::settings::image_deadline_s(), pg::settings::video_deadline_s());
    const store::survey::Outcome trained = trainings_.adopt(context_.tokens.pool());
    outcome.adopted += trained.adopted;
    outcome.unreadable += trained.unreadable;
    if (outcome.unreadable > 0) {
      store::dispatch::hold();
    } else if (last) {
      store::dispatch::note_timeline();
    }
    ATELIER_FAULT(survey_written);
  });
  if (error) {
    if (!error->passes_by_itself()) throw *error;
    --rounds_;
    return list_from_start(now_us + kBusyUs);
  }
  ATELIER_FAULT(survey_committed);
  if (outcome.adopted > 0)
    pg::report(pg::Level::log, "atelier: " + std::to_string(outcome.adopted) +
                                   " rows had been sent by the former timeline and are watched");
  if (outcome.unreadable > 0)
    pg::report(pg::Level::warning, "atelier: dispatch is held: predictions of the former timeline have expired",
               "The provider no longer shows what they were made from, so queued rows may be among them.",
               "Look at the queued generations and at atelier.trainings, then run SELECT atelier.resume();");
  finished_ = true;
  if (outcome.unreadable == 0 && !last) return list_from_start(now_us + pg::fault::scaled(kNextRoundUs));
  phase_ = Phase::done;
  sources_.clear();
  seen_.clear();
}

std::optional<int64_t> Survey::due_us() const {
  std::optional<int64_t> earliest;
  if (phase_ != Phase::listing) return earliest;
  for (const Source& source : sources_)
    if (!source.out && !source.read && (!earliest || source.due_us < *earliest)) earliest = source.due_us;
  return earliest;
}

}  // namespace atelier::worker
