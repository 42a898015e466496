// SPDX-License-Identifier: PostgreSQL
// A prediction or training as the store keeps it: a plan of moments, made when it is created and changed only by a
// cancel. Its status is not stored but follows from the plan and the clock, so that a million of them need no timers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "clock.hpp"
#include "models.hpp"

namespace stand_in {

enum class Kind : uint8_t { kPrediction, kTraining };

// What only some predictions have.
struct Origin {
  std::string webhook;
  std::vector<std::string> events;  // webhook_events_filter; empty: the default
  std::string deployment;
  std::string destination;
  bool final_sent = false;  // the final webhook was handed to the sender
};

struct Prediction {
  int64_t created_us = 0;
  int64_t started_us = kNever;
  int64_t ended_us = kNever;
  int64_t deadline_us = kNever;
  const Behaviour* behaviour = nullptr;
  const Model* model = nullptr;
  std::shared_ptr<Origin> origin;
  uint32_t input = 0;
  uint32_t account = 0;
  uint16_t polls = 0;
  uint16_t cancels = 0;
  Kind kind = Kind::kPrediction;
  End end = End::kSucceeded;
  Failure failure = Failure::kNone;
};

// Times in `starting` and `processing` where the behaviour does not say them, and the time until the deadline.
struct Pace {
  int64_t queue_us = 0;
  int64_t run_us = 0;
  int64_t deadline_us = kNever;
  bool instant = false;
};

// Lays out the moments of a prediction created at `created_us`. `number` says that it is the n-th of its input, from 1.
void plan(Prediction& prediction, int number, const Pace& pace);

// Makes it end at `moment`, which is before its planned end.
void end_at(Prediction& prediction, End end, int64_t moment);

enum class Phase : uint8_t { kStarting, kProcessing, kEnded };

struct State {
  Phase phase = Phase::kStarting;
  std::string_view status;
  bool removed = false;  // its data is gone
};

State state_at(const Prediction& prediction, int64_t now, int64_t retention_us);

}  // namespace stand_in
