// SPDX-License-Identifier: PostgreSQL
#include "core/schedule.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace atelier::core {
namespace {

int64_t utc(int year, unsigned month, unsigned day, int hour = 0, int minute = 0, int second = 0) {
  const std::chrono::sys_days date{std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day)};
  return std::chrono::duration_cast<std::chrono::seconds>(date.time_since_epoch()).count() + hour * 3600 + minute * 60 +
         second;
}

int64_t in_utc(int64_t) { return 0; }
// Berlin in 2026: summer time from 29 March to 25 October, both at 01:00 UTC.
int64_t in_berlin(int64_t now_s) { return now_s >= utc(2026, 3, 29, 1) && now_s < utc(2026, 10, 25, 1) ? 7200 : 3600; }
int64_t in_kathmandu(int64_t) { return 5 * 3600 + 45 * 60; }
// Clocks that skip the first hour of 1 April.
int64_t in_the_gap(int64_t now_s) { return now_s >= utc(2026, 4, 1) ? 3600 : 0; }

Schedule schedule(const char* text) {
  const auto parsed = parse_schedule(text);
  EXPECT_TRUE(std::holds_alternative<Schedule>(parsed)) << text;
  return std::holds_alternative<Schedule>(parsed) ? std::get<Schedule>(parsed) : Schedule{};
}

std::optional<int64_t> next(const char* text, int64_t after_s, const Zone& zone = in_utc) {
  return next_due_s(schedule(text), after_s, zone);
}

TEST(CoreSchedule, TheSchedulesOfTheMission) {
  EXPECT_EQ(next("*/5 * * * *", utc(2026, 11, 27, 7, 31)), utc(2026, 11, 27, 7, 35));
  EXPECT_EQ(next("*/5 * * * *", utc(2026, 11, 27, 7, 35)), utc(2026, 11, 27, 7, 40));
  EXPECT_EQ(next("*/5 * * * *", utc(2026, 11, 27, 7, 34, 59)), utc(2026, 11, 27, 7, 35));
  // A Friday; the next Sunday is the 29th.
  EXPECT_EQ(next("0 3 * * 0", utc(2026, 11, 27, 7, 31)), utc(2026, 11, 29, 3));
  EXPECT_EQ(next("0 3 * * 7", utc(2026, 11, 27, 7, 31)), utc(2026, 11, 29, 3));
}

TEST(CoreSchedule, ListsRangesStepsAndNames) {
  EXPECT_EQ(next("10,20,50-59/3 * * * *", utc(2026, 1, 1, 0, 20)), utc(2026, 1, 1, 0, 50));
  EXPECT_EQ(next("10,20,50-59/3 * * * *", utc(2026, 1, 1, 0, 50)), utc(2026, 1, 1, 0, 53));
  EXPECT_EQ(next("0 9-17/4 * * mon-fri", utc(2026, 11, 27, 17)), utc(2026, 11, 30, 9));
  EXPECT_EQ(next("0 0 1 JAN,jul *", utc(2026, 1, 1)), utc(2026, 7, 1));
  EXPECT_EQ(schedule("0 0 * * 5-7"), schedule("0 0 * * fri,sat,sun"));
  EXPECT_EQ(schedule("  5\t4 * * *  "), schedule("5 4 * * *"));
}

TEST(CoreSchedule, ShortForms) {
  EXPECT_EQ(schedule("@hourly"), schedule("0 * * * *"));
  EXPECT_EQ(schedule("@daily"), schedule("0 0 * * *"));
  EXPECT_EQ(schedule("@midnight"), schedule("@daily"));
  EXPECT_EQ(schedule("@Weekly"), schedule("0 0 * * sun"));
  EXPECT_EQ(schedule("@monthly"), schedule("0 0 1 * *"));
  EXPECT_EQ(schedule("@yearly"), schedule("0 0 1 1 *"));
  EXPECT_EQ(schedule("@annually"), schedule("@yearly"));
}

TEST(CoreSchedule, EitherDayIsEnoughWhenBothAreNamed) {
  // The 13th, or a Friday.
  EXPECT_EQ(next("0 0 13 * fri", utc(2026, 12, 4)), utc(2026, 12, 11));
  EXPECT_EQ(next("0 0 13 * fri", utc(2026, 12, 11)), utc(2026, 12, 13));
  // An odd day that is a Sunday: a field that begins with * narrows.
  EXPECT_EQ(next("0 0 */2 * sun", utc(2026, 12, 6)), utc(2026, 12, 13));
}

TEST(CoreSchedule, LeapDaysAndDaysThatNeverCome) {
  EXPECT_EQ(next("0 0 29 2 *", utc(2026, 1, 1)), utc(2028, 2, 29));
  EXPECT_EQ(next("0 0 29 2 *", utc(2096, 2, 29)), utc(2104, 2, 29));
  EXPECT_EQ(next("0 0 30 2 *", utc(2026, 1, 1)), std::nullopt);
  EXPECT_EQ(next("* * 31 4 *", utc(2026, 1, 1)), std::nullopt);
  EXPECT_EQ(next("0 0 31 * *", utc(2026, 1, 31)), utc(2026, 3, 31));
}

TEST(CoreSchedule, LocalTime) {
  EXPECT_EQ(next("0 3 * * *", utc(2026, 1, 1, 12), in_berlin), utc(2026, 1, 2, 2));
  EXPECT_EQ(next("0 3 * * *", utc(2026, 7, 1, 12), in_berlin), utc(2026, 7, 2, 1));
  EXPECT_EQ(next("0 * * * *", utc(2026, 1, 1), in_kathmandu), utc(2026, 1, 1, 0, 15));
  EXPECT_EQ(next("0 0 * * *", utc(2026, 1, 1), in_kathmandu), utc(2026, 1, 1, 18, 15));
}

TEST(CoreSchedule, ATimeThatIsSkippedIsDueAfterTheGap) {
  EXPECT_EQ(next("30 2 * * *", utc(2026, 3, 28, 12), in_berlin), utc(2026, 3, 29, 1));
  EXPECT_EQ(next("30 2 * * *", utc(2026, 3, 29, 1), in_berlin), utc(2026, 3, 30, 0, 30));
  // Two times of one gap are one run.
  EXPECT_EQ(next("10,50 2 * * *", utc(2026, 3, 29, 0, 59), in_berlin), utc(2026, 3, 29, 1));
  EXPECT_EQ(next("10,50 2 * * *", utc(2026, 3, 29, 1), in_berlin), utc(2026, 3, 30, 0, 10));
  EXPECT_EQ(next("30 0 * * *", utc(2026, 3, 31, 12), in_the_gap), utc(2026, 4, 1));
  EXPECT_EQ(next("30 0 1 * *", utc(2026, 3, 31, 12), in_the_gap), utc(2026, 4, 1));
}

TEST(CoreSchedule, ATimeThatComesTwiceIsDueOnce) {
  EXPECT_EQ(next("30 2 * * *", utc(2026, 10, 24, 12), in_berlin), utc(2026, 10, 25, 0, 30));
  EXPECT_EQ(next("30 2 * * *", utc(2026, 10, 25, 0, 30), in_berlin), utc(2026, 10, 26, 1, 30));
  EXPECT_EQ(next("30 2 * * *", utc(2026, 10, 25, 1, 15), in_berlin), utc(2026, 10, 26, 1, 30));
}

TEST(CoreSchedule, EveryHourFollowsTheTimeThatPasses) {
  // All twenty-five hours of the day on which the clocks are put back.
  int64_t now_s = utc(2026, 10, 24, 21, 59);
  int runs = 0;
  for (;;) {
    const auto due_s = next("0 * * * *", now_s, in_berlin);
    ASSERT_TRUE(due_s);
    if (*due_s >= utc(2026, 10, 25, 23)) break;
    EXPECT_LE(*due_s - now_s, 3600);
    now_s = *due_s;
    ++runs;
  }
  EXPECT_EQ(runs, 25);
  EXPECT_EQ(next("*/5 * * * *", utc(2026, 3, 29, 0, 58), in_berlin), utc(2026, 3, 29, 1));
}

TEST(CoreSchedule, BeforeTheEpoch) { EXPECT_EQ(next("0 3 * * *", utc(1969, 12, 30, 4)), utc(1969, 12, 31, 3)); }

TEST(CoreSchedule, BadExpressionsNameTheirPlace) {
  const auto position = [](const char* text) -> std::optional<size_t> {
    const auto parsed = parse_schedule(text);
    if (std::holds_alternative<Schedule>(parsed)) return std::nullopt;
    EXPECT_FALSE(std::get<ScheduleError>(parsed).reason.empty());
    return std::get<ScheduleError>(parsed).position;
  };
  EXPECT_EQ(position(""), 0);
  EXPECT_EQ(position("* * * *"), 7);
  EXPECT_EQ(position("* * * * * *"), 10);
  EXPECT_EQ(position("60 * * * *"), 0);
  EXPECT_EQ(position("* 24 * * *"), 2);
  EXPECT_EQ(position("* * 0 * *"), 4);
  EXPECT_EQ(position("* * 32 * *"), 4);
  EXPECT_EQ(position("* * * 13 *"), 6);
  EXPECT_EQ(position("* * * * 8"), 8);
  EXPECT_EQ(position("* * * foo *"), 6);
  EXPECT_EQ(position("* * * january *"), 6);
  EXPECT_EQ(position("* * * * mon,"), 12);
  EXPECT_EQ(position("5-1 * * * *"), 2);
  EXPECT_EQ(position("*/0 * * * *"), 2);
  EXPECT_EQ(position("*/60 * * * *"), 2);
  EXPECT_EQ(position("*/ * * * *"), 2);
  EXPECT_EQ(position("5/2 * * * *"), 1);
  EXPECT_EQ(position("5x * * * *"), 1);
  EXPECT_EQ(position("-1 * * * *"), 0);
  EXPECT_EQ(position("1 2 3 4 5 ; drop"), 10);
  EXPECT_EQ(position("99999999999999999999 * * * *"), 0);
  EXPECT_EQ(position("@fortnightly"), 0);
}

}  // namespace
}  // namespace atelier::core
