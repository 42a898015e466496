// SPDX-License-Identifier: PostgreSQL
#include "core/schedule.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace atelier::core {

namespace {

constexpr int64_t kMinuteS = 60;
constexpr int64_t kHourS = 60 * kMinuteS;
constexpr int64_t kDayS = 24 * kHourS;
// The longest wait is from one 29 February to the next but one, over a year that leaves its out.
constexpr int64_t kLongestDays = 9 * 366;
constexpr uint32_t kEveryHour = (1U << 24) - 1;

using Names = std::array<std::string_view, 12>;
constexpr Names kMonths{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr Names kWeekdays{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct Field {
  const char* name;
  int least;
  int most;
  const Names* names;
};

constexpr std::array<Field, 5> kFields{{{"minute", 0, 59, nullptr},
                                        {"hour", 0, 23, nullptr},
                                        {"day of the month", 1, 31, nullptr},
                                        {"month", 1, 12, &kMonths},
                                        {"day of the week", 0, 7, &kWeekdays}}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kShortForms{{{"@hourly", "0 * * * *"},
                                                                                    {"@daily", "0 0 * * *"},
                                                                                    {"@midnight", "0 0 * * *"},
                                                                                    {"@weekly", "0 0 * * 0"},
                                                                                    {"@monthly", "0 0 1 * *"},
                                                                                    {"@yearly", "0 0 1 1 *"},
                                                                                    {"@annually", "0 0 1 1 *"}}};

bool is_space(char c) { return c == ' ' || c == '\t'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }

bool equals(std::string_view text, std::string_view lower_case) {
  return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                    [](char a, char b) { return lower(a) == b; });
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  std::variant<Schedule, ScheduleError> read() {
    Schedule schedule;
    std::array<uint64_t, kFields.size()> bits{};
    std::array<bool, kFields.size()> stars{};
    for (size_t i = 0; i < kFields.size(); ++i) {
      skip_spaces();
      if (done())
        return fail("A cron expression has five fields; the " + std::string(kFields[i].name) + " is missing.");
      stars[i] = text_[place_] == '*';
      if (!read_list(kFields[i], bits[i])) return error_;
    }
    skip_spaces();
    if (!done()) return fail("A cron expression has five fields and nothing after them.");
    schedule.minutes = bits[0];
    schedule.hours = static_cast<uint32_t>(bits[1]);
    schedule.days = static_cast<uint32_t>(bits[2]);
    schedule.months = static_cast<uint16_t>(bits[3]);
    schedule.weekdays = static_cast<uint8_t>((bits[4] | bits[4] >> 7) & 0x7f);
    schedule.any_day = stars[2];
    schedule.any_weekday = stars[4];
    return schedule;
  }

 private:
  bool done() const { return place_ == text_.size(); }
  bool at(char c) const { return !done() && text_[place_] == c; }
  void skip_spaces() {
    while (!done() && is_space(text_[place_])) ++place_;
  }

  ScheduleError fail(std::string reason) {
    error_ = {place_, std::move(reason)};
    return error_;
  }
  bool refuse(std::string reason) {
    fail(std::move(reason));
    return false;
  }

  bool read_list(const Field& field, uint64_t& bits) {
    for (;;) {
      if (!read_range(field, bits)) return false;
      if (done() || is_space(text_[place_])) return true;
      if (!at(','))
        return refuse("After a value of the " + std::string(field.name) + " comes a space, a comma, - or /.");
      ++place_;
    }
  }

  bool read_range(const Field& field, uint64_t& bits) {
    int first = field.least;
    int last = field.most;
    bool range = at('*');
    if (range) {
      ++place_;
    } else {
      if (!read_value(field, first)) return false;
      last = first;
      if (at('-')) {
        ++place_;
        const size_t here = place_;
        if (!read_value(field, last)) return false;
        if (last < first) {
          place_ = here;
          return refuse("A range of the " + std::string(field.name) + " ends before it begins.");
        }
        range = true;
      }
    }
    int step = 1;
    if (at('/')) {
      if (!range) return refuse("A step stands after * or a range.");
      ++place_;
      const size_t here = place_;
      if (!read_number(step)) return refuse("After / comes a number.");
      if (step < 1 || step > field.most) {
        place_ = here;
        return refuse("A step of the " + std::string(field.name) + " is from 1 to " + std::to_string(field.most) + ".");
      }
    }
    for (int value = first; value <= last; value += step) bits |= uint64_t{1} << value;
    return true;
  }

  bool read_value(const Field& field, int& value) {
    const size_t here = place_;
    const bool found =
        field.names != nullptr && !done() && is_letter(text_[place_]) ? read_name(field, value) : read_number(value);
    if (found && value >= field.least && value <= field.most) return true;
    place_ = here;
    return refuse("The " + std::string(field.name) + " is *, a number from " + std::to_string(field.least) + " to " +
                  std::to_string(field.most) + (field.names != nullptr ? ", a name of three letters," : "") +
                  " or a range of these.");
  }

  bool read_number(int& value) {
    if (done() || !is_digit(text_[place_])) return false;
    value = 0;
    for (; !done() && is_digit(text_[place_]); ++place_) value = std::min(value * 10 + (text_[place_] - '0'), 1000);
    return true;
  }

  bool read_name(const Field& field, int& value) {
    size_t end = place_;
    while (end < text_.size() && is_letter(text_[end])) ++end;
    const std::string_view word = text_.substr(place_, end - place_);
    for (size_t i = 0; i < field.names->size(); ++i) {
      if ((*field.names)[i].empty() || !equals(word, (*field.names)[i])) continue;
      value = field.least + static_cast<int>(i);
      place_ = end;
      return true;
    }
    return false;
  }

  std::string_view text_;
  size_t place_ = 0;
  ScheduleError error_;
};

int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

bool names_day(const Schedule& schedule, int64_t day) {
  const std::chrono::sys_days date{std::chrono::days(day)};
  const std::chrono::year_month_day civil(date);
  const bool month = schedule.months >> static_cast<unsigned>(civil.month()) & 1;
  const bool of_month = schedule.days >> static_cast<unsigned>(civil.day()) & 1;
  const bool of_week = schedule.weekdays >> std::chrono::weekday(date).c_encoding() & 1;
  const bool either = !schedule.any_day && !schedule.any_weekday;
  return month && (either ? of_month || of_week : of_month && of_week);
}

// The instant of a local time: its first one, or the end of the gap that it lies in.
int64_t instant_of(int64_t local_s, const Zone& zone) {
  const int64_t before = zone(local_s - kDayS);
  const int64_t after = zone(local_s + kDayS);
  if (zone(local_s - before) == before) return local_s - before;
  if (zone(local_s - after) == after) return local_s - after;
  int64_t low = local_s - std::max(before, after);
  int64_t high = local_s - std::min(before, after);
  // Somewhere between the two the clocks are put forward.
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    (zone(middle) == after ? high : low) = middle;
  }
  return high;
}

std::optional<int64_t> next_of_every_hour(const Schedule& schedule, int64_t after_s, const Zone& zone) {
  const int64_t end_s = after_s + kLongestDays * kDayS;
  for (int64_t utc_s = after_s + 1; utc_s < end_s;) {
    const int64_t local_s = utc_s + zone(utc_s);
    const int64_t second = local_s - floor_div(local_s, kMinuteS) * kMinuteS;
    if (second != 0) {
      utc_s += kMinuteS - second;
      continue;
    }
    const int64_t minute = floor_div(local_s, kMinuteS) - floor_div(local_s, kHourS) * 60;
    const bool today = names_day(schedule, floor_div(local_s, kDayS));
    if (today && (schedule.minutes >> minute & 1)) return utc_s;
    utc_s += today ? kMinuteS : kHourS - minute * kMinuteS;
  }
  return std::nullopt;
}

std::optional<int64_t> next_of_some_hours(const Schedule& schedule, int64_t after_s, const Zone& zone) {
  // The day before, since its last times may be due after a gap at midnight.
  const int64_t first_day = floor_div(after_s + zone(after_s), kDayS) - 1;
  for (int64_t day = first_day; day < first_day + kLongestDays; ++day) {
    if (!names_day(schedule, day)) continue;
    for (int64_t minute = 0; minute < 24 * 60; ++minute) {
      if (!(schedule.hours >> minute / 60 & 1) || !(schedule.minutes >> minute % 60 & 1)) continue;
      const int64_t utc_s = instant_of(day * kDayS + minute * kMinuteS, zone);
      if (utc_s > after_s) return utc_s;
    }
  }
  return std::nullopt;
}

}  // namespace

std::variant<Schedule, ScheduleError> parse_schedule(std::string_view text) {
  for (const auto& [name, expression] : kShortForms)
    if (equals(text, name)) return Reader(expression).read();
  return Reader(text).read();
}

std::optional<int64_t> next_due_s(const Schedule& schedule, int64_t after_s, const Zone& zone) {
  return schedule.hours == kEveryHour ? next_of_every_hour(schedule, after_s, zone)
                                      : next_of_some_hours(schedule, after_s, zone);
}

}  // namespace atelier::core
