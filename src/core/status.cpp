// SPDX-License-Identifier: PostgreSQL
#include "core/status.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace atelier::core {
namespace {

constexpr std::array<std::pair<GenerationStatus, std::string_view>, 6> kStatuses{{
    {GenerationStatus::pending, "pending"},
    {GenerationStatus::queued, "queued"},
    {GenerationStatus::processing, "processing"},
    {GenerationStatus::completed, "completed"},
    {GenerationStatus::failed, "failed"},
    {GenerationStatus::cancelled, "cancelled"},
}};

constexpr std::array<std::pair<AttemptState, std::string_view>, 10> kStates{{
    {AttemptState::sending, "sending"},
    {AttemptState::running, "running"},
    {AttemptState::unknown, "unknown"},
    {AttemptState::refused, "refused"},
    {AttemptState::absent, "absent"},
    {AttemptState::succeeded, "succeeded"},
    {AttemptState::failed, "failed"},
    {AttemptState::canceled, "canceled"},
    {AttemptState::aborted, "aborted"},
    {AttemptState::lost, "lost"},
}};

template <typename Table, typename Key>
std::string_view name_in(const Table& table, Key key) noexcept {
  for (const auto& [value, text] : table) {
    if (value == key) return text;
  }
  return {};
}

template <typename Table>
auto value_in(const Table& table, std::string_view wanted) noexcept
    -> std::optional<typename Table::value_type::first_type> {
  for (const auto& [value, text] : table) {
    if (text == wanted) return value;
  }
  return std::nullopt;
}

std::optional<int32_t> duration_ms(const std::optional<int64_t>& from_us, int64_t to_us) noexcept {
  if (!from_us) return std::nullopt;
  int64_t us = 0;
  // An overflow is a start infinitely long ago (-infinity in the column): no time can be told.
  if (__builtin_sub_overflow(to_us, *from_us, &us)) return std::nullopt;
  return static_cast<int32_t>(std::clamp<int64_t>(us / 1000, 0, std::numeric_limits<int32_t>::max()));
}

}  // namespace

std::string_view name(GenerationStatus status) noexcept { return name_in(kStatuses, status); }

std::optional<GenerationStatus> parse_generation_status(std::string_view text) noexcept {
  if (text == "succeeded") return GenerationStatus::completed;
  return value_in(kStatuses, text);
}

std::string_view name(AttemptState state) noexcept { return name_in(kStates, state); }

std::optional<AttemptState> parse_attempt_state(std::string_view text) noexcept { return value_in(kStates, text); }

StatusChange change_status(GenerationStatus from, GenerationStatus to, const StatusTimes& before,
                           int64_t now_us) noexcept {
  StatusChange change{before, false};
  StatusTimes& times = change.times;
  if (is_terminal(to)) {
    if (!is_terminal(from) || !times.completed_at_us) {
      times.completed_at_us = now_us;
      times.processing_time_ms = duration_ms(times.started_at_us, now_us);
    }
    return change;
  }
  if (is_terminal(from)) {
    times.completed_at_us.reset();
    times.processing_time_ms.reset();
    change.clear_error = true;
  }
  if (to == GenerationStatus::processing) {
    if (from != GenerationStatus::processing) times.started_at_us = now_us;
  } else {
    times.started_at_us.reset();
  }
  return change;
}

}  // namespace atelier::core
