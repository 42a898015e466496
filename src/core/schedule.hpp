// SPDX-License-Identifier: PostgreSQL
// Cron expressions: reading one, and when it is due next. Called by the check of the settings that hold one and by the
// keeper. Knows no clock and no time zones: times are seconds since the Unix epoch, and the zone is a function.
//
// Five fields (minute, hour, day of month, month, day of week), each `*`, a number, a range or a list of these, with
// /step after `*` or a range; English names for months and days of the week; 7 is Sunday too; @hourly, @daily,
// @midnight, @weekly, @monthly, @yearly and @annually. Where neither kind of day begins with `*`, either is enough.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace atelier::core {

// One bit per value.
struct Schedule {
  uint64_t minutes = 0;
  uint32_t hours = 0;
  uint32_t days = 0;     // of the month, from bit 1
  uint16_t months = 0;   // from bit 1
  uint8_t weekdays = 0;  // Sunday is bit 0
  bool any_day = false;
  bool any_weekday = false;

  friend bool operator==(const Schedule&, const Schedule&) = default;
};

struct ScheduleError {
  size_t position = 0;  // of the part that cannot be read, from 0
  std::string reason;   // a whole sentence
};

std::variant<Schedule, ScheduleError> parse_schedule(std::string_view text);

// Seconds that local time is ahead of UTC at an instant.
using Zone = std::function<int64_t(int64_t utc_s)>;

// The first instant after `after_s` that the schedule names; nullopt when there is none within nine years, such as
// 30 February. Where the clocks change, a schedule that names every hour follows the time that passes. Any other one
// runs once for each local time: a time that is skipped is due right after the gap, one that comes twice at its first.
std::optional<int64_t> next_due_s(const Schedule& schedule, int64_t after_s, const Zone& zone);

}  // namespace atelier::core
