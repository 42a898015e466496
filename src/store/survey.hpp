// SPDX-License-Identifier: PostgreSQL
// What the provider's list says about queued generations of which a former timeline may know more than this database:
// from when on that matters, and giving such a generation the attempt that was lost. Called by the dispatcher after a
// change of the timeline, inside a transaction, as owner.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pg/datum.hpp"
#include "store/uuid.hpp"

namespace atelier::store::survey {

// Everything that was sent before is known: nothing that waits had been queued by then, or the attempt is here.
pg::Timestamp last_known();

// A training that is open here and not known to run: a former timeline may have started it.
struct OpenTraining {
  int64_t id;
  core::Uuid lora;
  std::string trigger_word;
  pg::Timestamp created_at;
};
std::vector<OpenTraining> open_trainings();

// A prediction in the list.
struct Seen {
  std::string prediction_id;
  int32_t token = 0;  // whose account it belongs to
  std::string model;
  pg::Timestamp created_at;
  std::optional<pg::Timestamp> deadline;
  std::optional<std::string> input;  // JSON text; nullopt when the provider has deleted it or does not show it
};

struct Outcome {
  uint64_t adopted = 0;     // generations that got an attempt
  uint64_t unreadable = 0;  // predictions that nobody owns and that cannot be compared, while generations wait
};

// Compares the predictions that nobody owns with the generations that wait: of equal inputs the oldest prediction goes
// to the one that is first in the queue, those of its own model before others.
Outcome adopt(const std::vector<Seen>& seen, pg::Timestamp since, int64_t image_deadline_s, int64_t video_deadline_s);

}  // namespace atelier::store::survey
