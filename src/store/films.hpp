// SPDX-License-Identifier: PostgreSQL
// Keyframe films: a generation that is made of others, one after the other, which are joined at the end. Called by the
// triggers on generations and by the recorder, always inside the transaction that changed a row of the film, so that a
// crash leaves no step half done. Everything runs as the owner. The film's row is locked before its parts. What a part
// costs and how it is sent is no matter of this: a part is a generation like others.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/status.hpp"
#include "store/uuid.hpp"

namespace atelier::store::films {

// What the row of a film says of its parts: generations of the same user and workspace with the same group.
struct Wanted {
  core::Uuid film;
  core::Uuid user;
  std::optional<core::Uuid> workspace;
  std::string group;
  std::optional<std::string> total;  // how many parts it says it has
};

// Why the film cannot be handed over; empty when it can.
std::string refusal(const Wanted& wanted);

// A film that has come to its end.
struct Ended {
  core::Uuid film;
  core::Uuid user;
  core::GenerationStatus status;
  std::string model_name;
  std::optional<std::string> message;
};

// Takes the parts, those that have completed as they are, the others as waiting. Raises 55000 when they cannot be
// taken.
void take(const Wanted& wanted);
// Model and action of the parts that are still to be made.
std::vector<std::pair<std::string, std::string>> models_to_run(const core::Uuid& film);
// Starts a film whose parts were taken. When its first part cannot be queued it raises or, as advance() does, fails.
enum class Start { or_raise, or_fail };
std::optional<Ended> begin(const core::Uuid& film, Start start);
// The next step of a film of which a part has ended. Nothing happens when the film itself has ended, or is the app's.
std::optional<Ended> advance(const core::Uuid& film);
// Fails a film that is under way, and cancels what waits.
std::optional<Ended> give_up(const core::Uuid& film, const std::string& message);
// Cancels what waits and what runs of a film that somebody has ended or deleted.
void stop(const core::Uuid& film);
// Lets go of a film, or of a part of one: it is the app's, or gone.
void forget(const core::Uuid& film);
void forget_part(const core::Uuid& part);
// After TRUNCATE.
void forget_gone();

// The film that atelier drives and this generation is a part of.
std::optional<core::Uuid> film_of(const core::Uuid& generation);
// Whether the generation is a film that was handed over, or a part of one.
bool is_taken(const core::Uuid& generation);
// Locks the film of a part, for whoever is about to lock the part.
void lock_film_of(const core::Uuid& generation);

}  // namespace atelier::store::films
