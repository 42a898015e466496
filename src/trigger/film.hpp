// SPDX-License-Identifier: PostgreSQL
// Keyframe films as the triggers on generations see them: which row is a film, what its hand-over needs, and what
// follows when somebody other than the dispatcher changes a film or a part of one. The steps themselves are
// store/films.hpp; the dispatcher takes them with the result of a part (worker/recorder.hpp).
#pragma once

#include <string>

#include "pg/trigger.hpp"

namespace atelier::trigger::generation {

// A row with action video_keyframes and a group that its parts name. It is never sent itself.
bool is_film(const pg::TriggerCall& call);

// Whether the row (as it was) is a film that atelier drives, or a part of one. Asks the tables for such rows only.
bool is_of_taken_film(const pg::TriggerCall& call);
bool is_taken_part(const pg::TriggerCall& call);

// BEFORE: why the film cannot be queued; empty when it can.
std::string film_refusal(const pg::TriggerCall& call);

// AFTER: the film has become queued: takes its parts and starts the first. Raises when it cannot,
// but fails the film when the app has queued it among others.
void begin_film(const pg::TriggerCall& call);

// AFTER: another change of the status, or the deletion, of a film or a part.
void follow_film(const pg::TriggerCall& call);
void follow_film_deletion(const pg::TriggerCall& call);

}  // namespace atelier::trigger::generation
