// SPDX-License-Identifier: PostgreSQL
// Whatever a setting holds as a cron expression: an answer and no accident; what is due is later, and named by it.
#include <cstddef>
#include <cstdint>
#include <variant>

#include "core/schedule.hpp"
#include "require.hpp"

namespace core = atelier::core;

namespace {

constexpr int64_t kHourS = 3600;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto read = core::parse_schedule(text);
  if (const auto* error = std::get_if<core::ScheduleError>(&read)) {
    require(error->position <= size && !error->reason.empty());
    return 0;
  }
  const auto& schedule = std::get<core::Schedule>(read);
  require(schedule.minutes != 0 && schedule.hours != 0 && schedule.months != 0);
  // In a zone whose clocks change now and then.
  const core::Zone zone = [](int64_t utc_s) { return utc_s / (100 * 24 * kHourS) % 2 == 0 ? kHourS : 2 * kHourS; };
  int64_t now_s = 1'800'000'000;
  for (int i = 0; i < 3; ++i) {
    const auto due_s = core::next_due_s(schedule, now_s, zone);
    if (!due_s) return 0;
    require(*due_s > now_s);
    now_s = *due_s;
  }
  return 0;
}
