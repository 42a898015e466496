// SPDX-License-Identifier: PostgreSQL
#include "prediction.hpp"

namespace stand_in {

namespace {

int64_t later(int64_t moment, int64_t time_us) { return moment == kNever ? kNever : moment + time_us; }

std::string_view end_name(End end) {
  switch (end) {
    case End::kSucceeded:
      return "succeeded";
    case End::kSuccessful:
      return "successful";
    case End::kFailed:
      return "failed";
    case End::kCanceled:
      return "canceled";
    case End::kAborted:
      return "aborted";
    case End::kUnknown:
      return "archived";
  }
  return {};
}

void plan_end(Prediction& prediction, const Behaviour& behaviour, int number) {
  prediction.end = behaviour.end;
  prediction.failure = behaviour.failure;
  if (prediction.end == End::kFailed && number > behaviour.failure_times) {
    prediction.end = End::kSucceeded;
    prediction.failure = Failure::kNone;
  }
  if (prediction.end == End::kAborted) {
    prediction.ended_us = prediction.started_us;
    prediction.started_us = kNever;
  }
}

void heed_deadline(Prediction& prediction) {
  if (prediction.deadline_us >= prediction.ended_us) return;
  const bool started = prediction.started_us <= prediction.deadline_us;
  end_at(prediction, started ? End::kCanceled : End::kAborted, prediction.deadline_us);
}

}  // namespace

void plan(Prediction& prediction, int number, const Pace& pace) {
  const Behaviour& behaviour = *prediction.behaviour;
  const int64_t created = prediction.created_us;
  if (behaviour.instant || pace.instant) {
    prediction.started_us = prediction.ended_us = created;
  } else {
    const int64_t queue = behaviour.queue_us == kUnset ? pace.queue_us : behaviour.queue_us;
    const int64_t run = behaviour.run_us == kUnset ? pace.run_us : behaviour.run_us;
    prediction.started_us = behaviour.stuck_starting ? kNever : created + queue;
    prediction.ended_us = behaviour.stuck ? kNever : later(prediction.started_us, run);
  }
  plan_end(prediction, behaviour, number);
  const int64_t deadline = behaviour.deadline_us == kUnset ? pace.deadline_us : behaviour.deadline_us;
  prediction.deadline_us = deadline == kNever ? kNever : created + deadline;
  heed_deadline(prediction);
}

void end_at(Prediction& prediction, End end, int64_t moment) {
  if (prediction.started_us > moment) prediction.started_us = end == End::kAborted ? kNever : moment;
  prediction.ended_us = moment;
  prediction.end = end;
  prediction.failure = Failure::kNone;
}

State state_at(const Prediction& prediction, int64_t now, int64_t retention_us) {
  State state;
  if (now >= prediction.ended_us) {
    state.phase = Phase::kEnded;
    state.status = end_name(prediction.end);
    state.removed = prediction.behaviour->data_removed || now - prediction.ended_us >= retention_us;
  } else if (now >= prediction.started_us) {
    state.phase = Phase::kProcessing;
    state.status = prediction.behaviour->unknown_status ? "rebooting" : "processing";
  } else {
    state.status = "starting";
  }
  return state;
}

}  // namespace stand_in
