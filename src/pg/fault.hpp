// SPDX-License-Identifier: PostgreSQL
// Fault points: named places at which a test kills, stops or breaks this process. Compiled in with
// ATELIER_FAULT_POINTS only; the product has no trace of them. A test arms a point by writing its action into the file
// <point> of the folder atelier.fault_folder: crash, exit, error or hang, with :N for the Nth time from then on. It
// acts once, and adds a line to <point>.fired. One that hangs makes <point>.hanging with its pid, and goes on when a
// test removes that file, with the action in <point>.then if there is one. A new point: one line in the list,
// ATELIER_FAULT(point) at its place, and how to reach it in test/t/lib/Atelier/Crash.pm.
#pragma once

#include <cstdint>

namespace atelier::pg::fault {

// What the delivery contract rests on; the mutation control of the kill matrix switches one off and expects to see it.
enum class Guarantee {
  fencing,  // a step applies only to an attempt that is open
  intent,   // the attempt is committed before its request is sent
  rescue,   // an attempt whose answer was lost is looked up
};

#ifdef ATELIER_FAULT_POINTS

#define ATELIER_FAULT_POINT_LIST(POINT) \
  POINT(claim_picked)                   \
  POINT(claim_committed)                \
  POINT(request_added)                  \
  POINT(request_sent)                   \
  POINT(answer_read)                    \
  POINT(accepted_written)               \
  POINT(accepted_committed)             \
  POINT(unknown_written)                \
  POINT(unknown_committed)              \
  POINT(absent_written)                 \
  POINT(absent_committed)               \
  POINT(refused_written)                \
  POINT(refused_committed)              \
  POINT(model_read)                     \
  POINT(look_sent)                      \
  POINT(look_read)                      \
  POINT(cancel_sent)                    \
  POINT(cancel_read)                    \
  POINT(result_read)                    \
  POINT(result_written)                 \
  POINT(result_committed)               \
  POINT(orphans_written)                \
  POINT(orphans_committed)              \
  POINT(search_sent)                    \
  POINT(list_read)                      \
  POINT(adopted_written)                \
  POINT(adopted_committed)              \
  POINT(survey_sent)                    \
  POINT(survey_read)                    \
  POINT(survey_written)                 \
  POINT(survey_committed)               \
  POINT(counts_written)                 \
  POINT(counts_committed)               \
  POINT(folded_written)                 \
  POINT(folded_committed)               \
  POINT(leases_written)                 \
  POINT(leases_committed)               \
  POINT(webhook_read)                   \
  POINT(webhook_written)                \
  POINT(webhook_taken)                  \
  POINT(training_uploaded)              \
  POINT(training_written)               \
  POINT(training_committed)             \
  POINT(training_sent)                  \
  POINT(training_read)                  \
  POINT(training_accepted)              \
  POINT(training_listed)                \
  POINT(training_ended)                 \
  POINT(shutdown)

enum class Point {
#define ATELIER_FAULT_POINT(name) name,
  ATELIER_FAULT_POINT_LIST(ATELIER_FAULT_POINT)
#undef ATELIER_FAULT_POINT
};

// Called while the settings are defined.
void define_settings();
void reach(Point point);
bool is_off(Guarantee guarantee);
// Grace times and rounds of the workers, shortened by the setting atelier.fault_time_scale.
int64_t scaled(int64_t time);

#define ATELIER_FAULT(point) ::atelier::pg::fault::reach(::atelier::pg::fault::Point::point)
#define ATELIER_FAULT_IF(condition, point) \
  do {                                     \
    if (condition) ATELIER_FAULT(point);   \
  } while (false)

#else

inline void define_settings() {}
constexpr bool is_off(Guarantee) { return false; }
constexpr int64_t scaled(int64_t time) { return time; }

#define ATELIER_FAULT(point) static_cast<void>(0)
#define ATELIER_FAULT_IF(condition, point) static_cast<void>(0)

#endif

}  // namespace atelier::pg::fault
