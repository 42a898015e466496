// SPDX-License-Identifier: PostgreSQL
#include "trigger/film.hpp"

#include <optional>

#include "pg/error.hpp"
#include "pg/jsonb.hpp"
#include "pg/shmem.hpp"
#include "store/films.hpp"
#include "store/flows.hpp"
#include "store/identity.hpp"
#include "store/wish.hpp"
#include "trigger/generation.hpp"
#include "trigger/model_list.hpp"

namespace atelier::trigger::generation {

namespace {

using store::wish::Wish;

constexpr const char* kFilmAction = "video_keyframes";

bool is_deletion(const pg::TriggerCall& call) { return call.event() == pg::TriggerEvent::remove; }

bool is_hidden(const pg::TriggerCall& call) { return call.old_value<bool>(column::kIsKeyframeSegment).value_or(false); }

std::optional<std::string> setting(const pg::TriggerCall& call, const char* key) {
  const auto settings = is_deletion(call) ? call.old_datum(column::kSettings) : call.new_datum(column::kSettings);
  return settings ? pg::jsonb::scalar_member(*settings, key) : std::nullopt;
}

store::films::Wanted wanted(const pg::TriggerCall& call) {
  return {call.new_required<core::Uuid>(column::kId), call.new_required<core::Uuid>(column::kUserId),
          call.new_value<core::Uuid>(column::kWorkspaceId), setting(call, "keyframe_group_id").value_or(""),
          setting(call, "keyframe_total_parts")};
}

void show(const std::optional<store::films::Ended>& ended) {
  if (ended) store::flows::show_results({ended->film});
}

}  // namespace

bool is_film(const pg::TriggerCall& call) {
  const auto action =
      is_deletion(call) ? call.old_value<std::string>(column::kAction) : call.new_value<std::string>(column::kAction);
  return action == kFilmAction && setting(call, "keyframe_group_id") && store::identity::has_step("films");
}

bool is_of_taken_film(const pg::TriggerCall& call) {
  return (is_hidden(call) || call.old_value<std::string>(column::kAction) == kFilmAction) &&
         store::films::is_taken(call.old_required<core::Uuid>(column::kId));
}

bool is_taken_part(const pg::TriggerCall& call) {
  return is_hidden(call) && store::films::film_of(call.old_required<core::Uuid>(column::kId));
}

std::string film_refusal(const pg::TriggerCall& call) { return store::films::refusal(wanted(call)); }

void begin_film(const pg::TriggerCall& call) {
  const store::films::Wanted film = wanted(call);
  store::films::take(film);
  for (const auto& [model, action] : store::films::models_to_run(film.film)) require_listed_model(call, model, action);
  // Who has just asked for it hears what is wrong. A statement of the app about many rows goes on without the film.
  const bool asks =
      call.event() == pg::TriggerEvent::insert || call.caller_is_restricted() || store::wish::current() == Wish::retry;
  show(store::films::begin(film.film, asks ? store::films::Start::or_raise : store::films::Start::or_fail));
}

void follow_film(const pg::TriggerCall& call) {
  const auto from = old_status(call);
  const auto to = new_status(call);
  if (store::wish::current() == Wish::film || pg::is_worker() || !from || !to) return;
  const auto id = call.old_required<core::Uuid>(column::kId);
  if (is_film(call)) {
    if (core::is_active(*from) && core::is_terminal(*to)) {
      store::films::stop(id);
      store::flows::show_results({id});
    } else if (core::is_terminal(*from) && core::is_active(*to)) {
      // The app drives it from here on.
      store::films::forget(id);
    }
  } else if (is_hidden(call) && core::is_active(*from) && core::is_terminal(*to)) {
    if (const auto film = store::films::film_of(id)) show(store::films::advance(*film));
  }
}

void follow_film_deletion(const pg::TriggerCall& call) {
  const auto id = call.old_required<core::Uuid>(column::kId);
  if (is_film(call)) {
    store::films::stop(id);
    store::films::forget(id);
  } else if (is_hidden(call)) {
    const auto film = store::films::film_of(id);
    if (!film) return;
    show(store::films::advance(*film));
    store::films::forget_part(id);
  }
}

}  // namespace atelier::trigger::generation
