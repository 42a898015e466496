// SPDX-License-Identifier: PostgreSQL
// What a generation needs before it can be queued: a model of the provider and an input. Called by the triggers when a
// row is, or is about to become, queued.
#pragma once

#include <string>

#include "pg/trigger.hpp"

namespace atelier::trigger::generation {

// Why a row cannot be handed over; empty when it can.
struct Refusal {
  std::string message;
  std::string hint;

  explicit operator bool() const noexcept { return !message.empty(); }
};

// Judges the new row and gives it a replicate_input when it has none.
Refusal prepare_hand_over(pg::TriggerCall& call);

}  // namespace atelier::trigger::generation
