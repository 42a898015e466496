// SPDX-License-Identifier: PostgreSQL
#include "clock.hpp"

#include <charconv>
#include <chrono>
#include <cstdio>
#include <ctime>

namespace stand_in {

namespace {

std::tm utc(int64_t time_us) {
  const std::time_t seconds = time_us / kSecond;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return parts;
}

// Takes `count` digits from the front of `text`.
std::optional<int> take_digits(std::string_view& text, size_t count) {
  if (text.size() < count) return std::nullopt;
  int value = 0;
  for (size_t i = 0; i < count; i++) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

int64_t take_fraction(std::string_view& text) {
  int64_t value = 0;
  int64_t unit = kSecond / 10;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    value += (text.front() - '0') * unit;
    unit /= 10;
    text.remove_prefix(1);
  }
  return value;
}

// The zone's distance from UTC in seconds.
std::optional<int64_t> take_zone(std::string_view& text) {
  if (text.empty() || take(text, 'Z') || take(text, 'z')) return 0;
  const int sign = take(text, '+') ? 1 : take(text, '-') ? -1 : 0;
  if (sign == 0) return std::nullopt;
  const auto hours = take_digits(text, 2);
  take(text, ':');
  const auto minutes = text.empty() ? std::optional<int>(0) : take_digits(text, 2);
  if (!hours || !minutes) return std::nullopt;
  return sign * (*hours * 3600 + *minutes * 60);
}

}  // namespace

int64_t now_us() {
  using std::chrono::duration_cast;
  return duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string timestamp_text(int64_t time_us, int digits) {
  const std::tm parts = utc(time_us);
  const auto fraction = static_cast<int>(time_us % kSecond);
  char text[48];
  size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  if (digits == 9) {
    length += std::snprintf(text + length, sizeof text - length, ".%06d%03dZ", fraction, fraction % 1000);
  } else if (digits == 6) {
    length += std::snprintf(text + length, sizeof text - length, ".%06dZ", fraction);
  } else {
    length += std::snprintf(text + length, sizeof text - length, ".%03dZ", fraction / 1000);
  }
  return {text, length};
}

std::optional<int64_t> parse_timestamp(std::string_view text) {
  const auto year = take_digits(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day || !(take(text, 'T') || take(text, 't') || take(text, ' '))) return std::nullopt;
  const auto hour = take_digits(text, 2);
  if (!hour || !take(text, ':')) return std::nullopt;
  const auto minute = take_digits(text, 2);
  if (!minute || !take(text, ':')) return std::nullopt;
  const auto second = take_digits(text, 2);
  if (!second) return std::nullopt;
  const int64_t fraction = take(text, '.') ? take_fraction(text) : 0;
  const auto zone = take_zone(text);
  if (!zone || !text.empty()) return std::nullopt;
  if (*month < 1 || *month > 12 || *day < 1 || *day > 31 || *hour > 23 || *minute > 59 || *second > 60) {
    return std::nullopt;
  }
  std::tm parts{};
  parts.tm_year = *year - 1900;
  parts.tm_mon = *month - 1;
  parts.tm_mday = *day;
  parts.tm_hour = *hour;
  parts.tm_min = *minute;
  parts.tm_sec = *second;
  return (timegm(&parts) - *zone) * kSecond + fraction;
}

std::string http_date(int64_t time_us) {
  const std::tm parts = utc(time_us);
  char text[48];
  return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

std::optional<int64_t> parse_count(std::string_view text, int64_t most) {
  int64_t value = 0;
  if (text.empty() || text.front() == '-') return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > most) return std::nullopt;
  return value;
}

std::optional<int64_t> parse_short_time(std::string_view text) {
  int64_t unit = 0;
  if (text.ends_with("ms")) {
    unit = kMillisecond;
    text.remove_suffix(2);
  } else if (text.ends_with('s')) {
    unit = kSecond;
    text.remove_suffix(1);
  } else if (text.ends_with('m')) {
    unit = 60 * kSecond;
    text.remove_suffix(1);
  } else {
    return std::nullopt;
  }
  const auto number = parse_count(text, 86'400'000);
  if (!number) return std::nullopt;
  return *number * unit;
}

std::optional<int64_t> parse_duration(std::string_view text) {
  if (const auto seconds = parse_count(text, 1'000'000)) return *seconds * kSecond;
  int64_t total = 0;
  int64_t smallest = 86400;
  while (!text.empty()) {
    const size_t digits = text.find_first_not_of("0123456789");
    if (digits == std::string_view::npos) return std::nullopt;
    const auto number = parse_count(text.substr(0, digits), 1'000'000);
    const int64_t unit = text[digits] == 'h' ? 3600 : text[digits] == 'm' ? 60 : text[digits] == 's' ? 1 : 0;
    if (!number || unit == 0 || unit >= smallest) return std::nullopt;
    smallest = unit;
    total += *number * unit * kSecond;
    text.remove_prefix(digits + 1);
  }
  return smallest == 86400 ? std::nullopt : std::optional<int64_t>(total);
}

}  // namespace stand_in
