// SPDX-License-Identifier: PostgreSQL
#include "worker/recorder.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "core/media.hpp"
#include "core/text.hpp"
#include "core/uuid.hpp"
#include "pg/datum.hpp"
#include "pg/fault.hpp"
#include "pg/settings.hpp"
#include "pg/transaction.hpp"
#include "store/credits.hpp"
#include "store/films.hpp"
#include "store/flows.hpp"
#include "store/outputs.hpp"
#include "store/spending.hpp"

namespace atelier::worker {

namespace {

namespace results = store::results;
namespace settings = pg::settings;

constexpr int kMostFailures = 5;
constexpr int64_t kLockedDelayUs = 100'000;
constexpr int64_t kFailedDelayUs = 1'000'000;
constexpr const char* kUniqueViolation = "23505";

void write_calls(const std::vector<results::Call>& calls) {
  if (calls.empty()) return;
  const auto error = pg::in_subtransaction([&] { results::log_calls(calls); });
  if (error) pg::report(pg::Level::warning, std::string("atelier: api_logs could not be written: ") + error->what());
}

std::string notice_title(core::GenerationStatus status, const std::string& model) {
  return (status == core::GenerationStatus::completed ? "Generation completed: " : "Generation failed: ") + model;
}

bool wants_notice(core::GenerationStatus status) {
  switch (settings::notify()) {
    case settings::Notify::off:
      return false;
    case settings::Notify::failed:
      return status == core::GenerationStatus::failed;
    case settings::Notify::all:
      return status == core::GenerationStatus::failed || status == core::GenerationStatus::completed;
  }
  return false;
}

// A data: URI is in the row itself and dies with it.
void list_files(const results::Change& change, std::vector<store::outputs::Output>& files) {
  if (change.status != core::GenerationStatus::completed || change.output_text) return;
  int16_t ordinal = 0;
  for (const std::string& url : change.output_urls) {
    store::outputs::Output file{change.generation, ++ordinal, std::string(core::media_kind(url)), url, {}};
    if (core::text::is_data_uri(url))
      file.url.resize(url.find(','));
    else
      file.expires_at = change.files_expire_at;
    files.push_back(std::move(file));
  }
}

void write_notices(const std::vector<results::Notice>& notices) {
  if (notices.empty()) return;
  const auto error = pg::in_subtransaction([&] { results::notify(notices); });
  if (error)
    pg::report(pg::Level::warning, std::string("atelier: notifications could not be written: ") + error->what());
}

void follow_up(const std::vector<results::Change>& changes, const std::vector<results::Changed>& changed) {
  std::unordered_map<core::Uuid, const results::Changed*, core::UuidHash> by_generation;
  for (const results::Changed& one : changed) by_generation[one.generation] = &one;
  std::vector<store::credits::Ended> ended;
  std::vector<store::outputs::Output> files;
  std::vector<results::Notice> notices;
  for (const results::Change& change : changes) {
    const auto place = by_generation.find(change.generation);
    if (place == by_generation.end()) continue;
    const results::Changed& row = *place->second;
    const bool completed = change.status == core::GenerationStatus::completed;
    if (core::is_terminal(change.status)) ended.push_back({row.generation, row.user, completed ? row.cost_credits : 0});
    list_files(change, files);
    if (!row.hidden && wants_notice(change.status))
      notices.push_back({row.user, notice_title(change.status, row.model_name), change.message.value_or("")});
  }
  if (!files.empty()) store::outputs::add(files);
  if (!ended.empty()) store::credits::settle(ended);
  write_notices(notices);
}

// Returns whether the nodes are written. A node that somebody else has locked is waited for by writing the whole result
// later: nobody would come back to the node.
bool try_to_show(const std::vector<core::Uuid>& generations, bool last_try) {
  const auto error = pg::in_subtransaction([&] { store::flows::show_results(generations); });
  if (!error) return true;
  if (error->passes_by_itself()) throw pg::Error(*error);
  if (last_try)
    pg::report(pg::Level::warning, std::string("atelier: flow nodes could not be written: ") + error->what());
  return false;
}

// What is wrong with a node costs nobody a result, and no other generation its nodes.
void show_in_flows(const std::vector<results::Changed>& changed) {
  if (changed.empty()) return;
  std::vector<core::Uuid> generations;
  for (const results::Changed& one : changed) generations.push_back(one.generation);
  if (try_to_show(generations, generations.size() == 1) || generations.size() == 1) return;
  for (const core::Uuid& generation : generations) try_to_show({generation}, true);
}

// What is wrong with a film costs no part its result.
std::optional<store::films::Ended> carry_on(const core::Uuid& film) {
  std::optional<store::films::Ended> ended;
  auto error = pg::in_subtransaction([&] { ended = store::films::advance(film); });
  if (!error) return ended;
  if (error->passes_by_itself()) throw pg::Error(*error);
  pg::report(pg::Level::warning,
             "atelier: film " + core::to_string(film) + " cannot be carried on: " + std::string(error->what()));
  error = pg::in_subtransaction([&] { ended = store::films::give_up(film, "The film could not be carried on."); });
  if (error && error->passes_by_itself()) throw pg::Error(*error);
  return ended;
}

// A part that has ended starts the next one, or ends its film.
void carry_on_films(const std::vector<results::Change>& changes, const std::vector<results::Changed>& changed) {
  std::unordered_set<core::Uuid, core::UuidHash> over;
  for (const results::Change& change : changes)
    if (core::is_terminal(change.status)) over.insert(change.generation);
  std::vector<core::Uuid> films;
  for (const results::Changed& one : changed)
    if (one.hidden && over.count(one.generation) != 0)
      if (const auto film = store::films::film_of(one.generation)) films.push_back(*film);
  std::sort(films.begin(), films.end());
  films.erase(std::unique(films.begin(), films.end()), films.end());
  std::vector<results::Notice> notices;
  for (const core::Uuid& film : films) {
    const auto ended = carry_on(film);
    if (!ended) continue;
    try_to_show({film}, true);
    if (wants_notice(ended->status))
      notices.push_back({ended->user, notice_title(ended->status, ended->model_name), ended->message.value_or("")});
  }
  write_notices(notices);
}

// Everything of a batch in the order that the rules demand: attempts first, since they are the fence.
std::unordered_set<int64_t> write(const std::vector<Entry>& entries, pg::Timestamp now) {
  std::vector<store::attempts::Step> steps;
  for (const Entry& entry : entries) steps.push_back(entry.step);
#ifdef ATELIER_FAULT_POINTS
  if (pg::fault::is_off(pg::fault::Guarantee::fencing)) {
    std::vector<int64_t> attempts;
    for (const Entry& entry : entries) attempts.push_back(entry.step.attempt);
    store::attempts::break_fences(attempts);
  }
#endif
  std::unordered_set<int64_t> open, disowned;
  for (const store::attempts::Advanced& one : store::attempts::advance(steps, now)) {
    open.insert(one.attempt);
    if (one.disowned) disowned.insert(one.attempt);
  }

  std::vector<results::Change> changes;
  std::vector<results::Return> returns;
  std::vector<results::Call> calls;
  std::vector<store::spending::Cost> costs;
  for (const Entry& entry : entries) {
    calls.insert(calls.end(), entry.calls.begin(), entry.calls.end());
    if (open.count(entry.step.attempt) == 0) continue;
    if (entry.step.cost_usd) costs.push_back({entry.user, *entry.step.cost_usd});
    if (disowned.count(entry.step.attempt) != 0) continue;
    if (entry.change) changes.push_back(*entry.change);
    if (entry.requeue) returns.push_back(*entry.requeue);
  }
  if (!changes.empty()) {
    const std::vector<results::Changed> changed = results::write(changes);
    show_in_flows(changed);
    follow_up(changes, changed);
    carry_on_films(changes, changed);
  }
  if (!costs.empty()) store::spending::add(costs, now);
  if (!returns.empty()) results::return_to_queue(returns);
  write_calls(calls);
  return open;
}

// Where tests break in: every kind of step before and after its commit.
void reach_written(const std::vector<Entry>& entries) {
  for ([[maybe_unused]] const Entry& entry : entries) {
    ATELIER_FAULT_IF(entry.step.state == core::AttemptState::running && entry.step.http_status, accepted_written);
    ATELIER_FAULT_IF(entry.step.state == core::AttemptState::running && !entry.step.http_status, adopted_written);
    ATELIER_FAULT_IF(entry.step.state == core::AttemptState::unknown, unknown_written);
    ATELIER_FAULT_IF(entry.step.state == core::AttemptState::absent, absent_written);
    ATELIER_FAULT_IF(entry.step.state == core::AttemptState::refused, refused_written);
    ATELIER_FAULT_IF(entry.step.state > core::AttemptState::absent, result_written);
  }
}

void reach_committed(const std::vector<Entry>& entries) {
  for ([[maybe_unused]] const Entry& entry : entries) {
    ATELIER_FAULT_IF(entry.step.state == core::AttemptState::running && entry.step.http_status, accepted_committed);
    ATELIER_FAULT_IF(entry.step.state == core::AttemptState::running && !entry.step.http_status, adopted_committed);
    ATELIER_FAULT_IF(entry.step.state == core::AttemptState::unknown, unknown_committed);
    ATELIER_FAULT_IF(entry.step.state == core::AttemptState::absent, absent_committed);
    ATELIER_FAULT_IF(entry.step.state == core::AttemptState::refused, refused_committed);
    ATELIER_FAULT_IF(entry.step.state > core::AttemptState::absent, result_committed);
  }
}

// Somebody may write the id of a prediction into a row of his own before the generation has it that it was made for.
bool make_room(const Entry& entry) {
  if (!entry.change || !entry.change->prediction_id) return false;
  std::vector<results::Squatter> squatters;
  const auto error = pg::in_owner_transaction([&] { squatters = results::evict_squatters({*entry.change}); });
  if (error)
    pg::report(pg::Level::warning,
               std::string("atelier: a prediction id could not be taken out of another row: ") + error->what());
  for (const results::Squatter& squatter : squatters)
    pg::report(pg::Level::warning,
               "atelier: prediction id \"" + squatter.prediction_id + "\" was removed from generation " +
                   core::to_string(squatter.generation),
               "The prediction was made for generation " + core::to_string(squatter.rightful) + ".");
  return !squatters.empty();
}

std::optional<pg::Error> write_durably(const std::vector<Entry>& entries, std::unordered_set<int64_t>& open) {
  const auto error = pg::in_owner_transaction([&] {
    pg::make_commit_durable();
    open = write(entries, pg::now());
    reach_written(entries);
  });
  if (!error) reach_committed(entries);
  return error;
}

void collect(const std::vector<Entry>& entries, const std::unordered_set<int64_t>& open, std::vector<Recorded>& done) {
  for (const Entry& entry : entries)
    done.push_back(
        {entry.step.attempt, entry.step.state, open.count(entry.step.attempt) != 0, entry.requeue.has_value()});
}

}  // namespace

// Steps of one attempt are written in their order: one that waits holds up those behind it.
std::optional<int64_t> Recorder::due_us() const {
  if (!calls_.empty() || !progress_.empty()) return 0;
  std::optional<int64_t> earliest;
  std::unordered_set<int64_t> seen;
  for (const Entry& entry : waiting_)
    if (seen.insert(entry.step.attempt).second && (!earliest || entry.not_before_us < *earliest))
      earliest = entry.not_before_us;
  return earliest;
}

std::vector<Entry> Recorder::take_due(int64_t now_us) {
  std::unordered_set<int64_t> seen;
  std::vector<Entry> due, later;
  for (Entry& entry : waiting_) {
    const bool first = seen.insert(entry.step.attempt).second;
    (first && entry.not_before_us <= now_us ? due : later).push_back(std::move(entry));
  }
  waiting_ = std::move(later);
  return due;
}

std::vector<Recorded> Recorder::flush(int64_t now_us) {
  std::vector<Recorded> done;
  if (!calls_.empty()) {
    const std::vector<results::Call> calls = std::move(calls_);
    calls_.clear();
    const auto error = pg::in_owner_transaction([&] { write_calls(calls); });
    if (error) pg::report(pg::Level::warning, std::string("atelier: api_logs could not be written: ") + error->what());
  }
  if (!progress_.empty()) {
    const std::vector<store::attempts::Progress> progress = std::move(progress_);
    progress_.clear();
    const auto error = pg::in_owner_transaction([&] { store::attempts::note_progress(progress); });
    if (error) pg::report(pg::Level::log, std::string("atelier: progress could not be written: ") + error->what());
  }
  // A batch has one step of each attempt: of two, an UPDATE would apply either.
  for (std::vector<Entry> entries = take_due(now_us); !entries.empty(); entries = take_due(now_us)) {
    std::unordered_set<int64_t> open;
    if (!write_durably(entries, open)) {
      collect(entries, open, done);
    } else {
      one_by_one(std::move(entries), now_us, done);
    }
  }
  return done;
}

void Recorder::one_by_one(std::vector<Entry> entries, int64_t now_us, std::vector<Recorded>& done) {
  for (Entry& entry : entries) {
    std::vector<Entry> alone{entry};
    std::unordered_set<int64_t> open;
    auto error = write_durably(alone, open);
    if (error && error->sqlstate() == kUniqueViolation && make_room(entry)) error = write_durably(alone, open);
    if (!error) {
      collect(alone, open, done);
    } else {
      postpone_or_set_aside(std::move(entry), *error, now_us, done);
    }
  }
}

void Recorder::postpone_or_set_aside(Entry entry, const pg::Error& error, int64_t now_us, std::vector<Recorded>& done) {
  if (error.passes_by_itself()) {
    entry.not_before_us = now_us + kLockedDelayUs;
    waiting_.insert(waiting_.begin(), std::move(entry));
    return;
  }
  if (++entry.failures < kMostFailures) {
    entry.not_before_us = now_us + kFailedDelayUs;
    waiting_.insert(waiting_.begin(), std::move(entry));
    return;
  }
  pg::report(pg::Level::warning,
             "atelier: attempt " + std::to_string(entry.step.attempt) + " is set aside: " + error.what(),
             "Its result could not be written in " + std::to_string(kMostFailures) + " tries.");
  // First with the generation marked as failed; when that is what cannot be written, the attempt alone.
  Entry last;
  last.step = {entry.step.attempt,
               core::AttemptState::lost,
               entry.step.prediction_id,
               entry.step.http_status,
               std::string("result could not be recorded: ") + error.what(),
               entry.step.predict_time,
               entry.step.cost_usd,
               entry.step.cost_rule};
  last.user = entry.user;
  if (entry.change) {
    last.change.emplace();
    last.change->generation = entry.change->generation;
    last.change->status = core::GenerationStatus::failed;
    last.change->message = "The result could not be saved.";
  }
  std::unordered_set<int64_t> open;
  if (write_durably({last}, open)) {
    last.change.reset();
    write_durably({last}, open);
  }
  done.push_back({last.step.attempt, last.step.state, false, false});
}

}  // namespace atelier::worker
