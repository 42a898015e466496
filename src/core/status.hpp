// SPDX-License-Identifier: PostgreSQL
// The states of a generation and of an attempt, and what a change of status does to a generation's times. Called by the
// triggers, the store and the dispatcher. Pure: knows no table and no clock.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace atelier::core {

// generations.status. `pending` is written but not handed over; `queued` is handed over to the dispatcher.
enum class GenerationStatus { pending, queued, processing, completed, failed, cancelled };

// The value as it stands in the column.
std::string_view name(GenerationStatus status) noexcept;

// The inverse of name(); `succeeded` is read as completed. nullopt for any other text.
std::optional<GenerationStatus> parse_generation_status(std::string_view text) noexcept;

constexpr bool is_terminal(GenerationStatus status) noexcept {
  return status == GenerationStatus::completed || status == GenerationStatus::failed ||
         status == GenerationStatus::cancelled;
}
constexpr bool is_active(GenerationStatus status) noexcept { return !is_terminal(status); }

// atelier.attempts.state: what became of one creating request.
enum class AttemptState {
  sending,    // about to be sent, or sent and not answered yet
  running,    // the provider has accepted it
  unknown,    // the answer was lost; the provider's list will tell
  refused,    // definitely not created
  absent,     // looked for and not found at the provider
  succeeded,  // from here on: how the prediction ended
  failed,
  canceled,
  aborted,
  lost,  // cannot be followed any more
};

std::string_view name(AttemptState state) noexcept;
std::optional<AttemptState> parse_attempt_state(std::string_view text) noexcept;

// Whether the attempt may still bring a result, so that no other attempt of its generation may be sent.
constexpr bool is_open(AttemptState state) noexcept {
  return state == AttemptState::sending || state == AttemptState::running || state == AttemptState::unknown;
}

// The columns of a generation that follow from its status. Times are microseconds since the Unix epoch.
struct StatusTimes {
  std::optional<int64_t> started_at_us;
  std::optional<int64_t> completed_at_us;
  std::optional<int32_t> processing_time_ms;

  friend bool operator==(const StatusTimes&, const StatusTimes&) = default;
};

struct StatusChange {
  StatusTimes times;
  bool clear_error = false;  // error_message becomes null

  friend bool operator==(const StatusChange&, const StatusChange&) = default;
};

// What the columns must be after a change of status at `now_us`, given what they were before. Nobody else writes them:
// - to processing: started_at is now;
// - to a terminal status: completed_at is now, the time is completed - started in ms, never negative, at most 2^31 - 1
// (24.8 days), null without a start;
// - from one terminal status to another: the first end stays;
// - back to pending or queued: started_at is null again;
// - from a terminal status to an active one (a retry): completed_at, the time and the error message are cleared.
// A row that is inserted counts as having been pending without times.
StatusChange change_status(GenerationStatus from, GenerationStatus to, const StatusTimes& before,
                           int64_t now_us) noexcept;

}  // namespace atelier::core
