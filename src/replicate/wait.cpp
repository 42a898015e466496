// SPDX-License-Identifier: PostgreSQL
#include "replicate/wait.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <string>

#include "core/text.hpp"

namespace atelier::replicate {
namespace {

namespace text = core::text;

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kMostWaitUs = 3600 * kSecondUs;

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

int64_t limited(int64_t wait_us) noexcept { return std::clamp<int64_t>(wait_us, 0, kMostWaitUs); }

int64_t seconds_us(double seconds) noexcept {
  if (!(seconds > 0)) return 0;
  constexpr double kMostSeconds = 3600;
  return limited(std::llround(std::min(seconds, kMostSeconds) * kSecondUs));
}

// A number of seconds, with or without fraction, and nothing else.
std::optional<double> parse_seconds(std::string_view value) noexcept {
  // from_chars would read "inf" and "nan" as well.
  if (value.find_first_not_of("0123456789.-") != std::string_view::npos) return std::nullopt;
  double seconds = 0;
  const auto [end, error] =
      std::from_chars(value.data(), value.data() + value.size(), seconds, std::chars_format::fixed);
  // Out of range is a number too, but none to wait for exactly: the limit takes care of it.
  if (value.empty() || end != value.data() + value.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) return value.front() == '-' ? 0.0 : HUGE_VAL;
  if (error != std::errc()) return std::nullopt;
  return seconds;
}

std::optional<int64_t> wait_in_header(std::string_view value, int64_t now_us) noexcept {
  value = text::trim(value);
  if (const auto seconds = parse_seconds(value)) return seconds_us(*seconds);
  if (const auto time_us = parse_http_date(value)) return limited(*time_us > now_us ? *time_us - now_us : 0);
  return std::nullopt;
}

// The number behind `words` in `message`, which must be followed by seconds.
std::optional<int64_t> wait_behind(std::string_view message, std::string_view words) {
  for (size_t at = message.find(words); at != std::string_view::npos; at = message.find(words, at + 1)) {
    std::string_view rest = message.substr(at + words.size());
    if (rest.starts_with('~')) rest.remove_prefix(1);
    const size_t length = std::min(rest.find_first_not_of("0123456789."), rest.size());
    const auto seconds = parse_seconds(rest.substr(0, length));
    rest.remove_prefix(length);
    if (rest.starts_with(' ')) rest.remove_prefix(1);
    if (seconds && rest.starts_with('s')) return seconds_us(*seconds);
  }
  return std::nullopt;
}

// Reads along a text; every step after a failed one fails too.
class Reader {
 public:
  explicit Reader(std::string_view rest) noexcept : rest_(rest) {}

  bool ok() const noexcept { return ok_; }
  bool at_end() const noexcept { return rest_.empty(); }
  char next() const noexcept { return rest_.empty() ? '\0' : rest_.front(); }

  bool skip(std::string_view expected) noexcept {
    ok_ = ok_ && rest_.starts_with(expected);
    if (ok_) rest_.remove_prefix(expected.size());
    return ok_;
  }
  bool skip_one_of(std::string_view choices) noexcept {
    ok_ = ok_ && !rest_.empty() && choices.find(rest_.front()) != std::string_view::npos;
    if (ok_) rest_.remove_prefix(1);
    return ok_;
  }
  // Exactly that many digits, at most as large as `most`.
  int number(size_t digits, int most) noexcept {
    int value = 0;
    ok_ = ok_ && rest_.size() >= digits && std::all_of(rest_.begin(), rest_.begin() + digits, is_digit);
    if (!ok_) return 0;
    for (const char c : rest_.substr(0, digits)) value = value * 10 + (c - '0');
    rest_.remove_prefix(digits);
    ok_ = value <= most;
    return value;
  }
  // The place of the three letters that come next, in a row of such names.
  size_t name(std::string_view names) noexcept {
    const size_t place = rest_.size() < 3 ? std::string_view::npos : names.find(rest_.substr(0, 3));
    ok_ = ok_ && place != std::string_view::npos && place % 3 == 0;
    if (ok_) rest_.remove_prefix(3);
    return ok_ ? place / 3 : 0;
  }
  // Any number of digits as a fraction of a second; what is below a microsecond is dropped.
  int64_t fraction_us() noexcept {
    ok_ = ok_ && !rest_.empty() && is_digit(rest_.front());
    int64_t unit = kSecondUs / 10;
    int64_t value = 0;
    for (; ok_ && !rest_.empty() && is_digit(rest_.front()); unit /= 10) {
      value += (rest_.front() - '0') * unit;
      rest_.remove_prefix(1);
    }
    return value;
  }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

struct Moment {
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;  // 60 is a leap second and counts as the next one
};

std::optional<int64_t> epoch_us(const Moment& moment) noexcept {
  const std::chrono::year_month_day date{std::chrono::year{moment.year},
                                         std::chrono::month{static_cast<unsigned>(moment.month)},
                                         std::chrono::day{static_cast<unsigned>(moment.day)}};
  if (!date.ok()) return std::nullopt;
  const int64_t days = std::chrono::sys_days{date}.time_since_epoch().count();
  return (((days * 24 + moment.hour) * 60 + moment.minute) * 60 + moment.second) * kSecondUs;
}

void read_clock(Reader& reader, Moment& moment) noexcept {
  moment.hour = reader.number(2, 23);
  reader.skip(":");
  moment.minute = reader.number(2, 59);
  reader.skip(":");
  moment.second = reader.number(2, 60);
}

// What to subtract to arrive at UTC.
int64_t read_offset_us(Reader& reader) noexcept {
  if (reader.next() != '+' && reader.next() != '-') {
    reader.skip_one_of("Zz");
    return 0;
  }
  const int64_t sign = reader.next() == '-' ? -1 : 1;
  reader.skip_one_of("+-");
  const int64_t hours = reader.number(2, 23);
  reader.skip(":");
  const int64_t minutes = reader.number(2, 59);
  return sign * (hours * 60 + minutes) * 60 * kSecondUs;
}

}  // namespace

std::optional<int64_t> parse_http_date(std::string_view value) noexcept {
  Reader reader(value);
  Moment moment;
  reader.name("MonTueWedThuFriSatSun");
  reader.skip(", ");
  moment.day = reader.number(2, 31);
  reader.skip(" ");
  moment.month = static_cast<int>(reader.name("JanFebMarAprMayJunJulAugSepOctNovDec")) + 1;
  reader.skip(" ");
  moment.year = reader.number(4, 9999);
  reader.skip(" ");
  read_clock(reader, moment);
  reader.skip(" GMT");
  if (!reader.ok() || !reader.at_end()) return std::nullopt;
  return epoch_us(moment);
}

std::optional<int64_t> parse_rfc3339(std::string_view value) noexcept {
  Reader reader(value);
  Moment moment;
  moment.year = reader.number(4, 9999);
  reader.skip("-");
  moment.month = reader.number(2, 12);
  reader.skip("-");
  moment.day = reader.number(2, 31);
  reader.skip_one_of("Tt ");
  read_clock(reader, moment);
  int64_t fraction_us = 0;
  if (reader.next() == '.') {
    reader.skip(".");
    fraction_us = reader.fraction_us();
  }
  const int64_t offset_us = read_offset_us(reader);
  if (!reader.ok() || !reader.at_end()) return std::nullopt;
  const auto time_us = epoch_us(moment);
  if (!time_us) return std::nullopt;
  return *time_us + fraction_us - offset_us;
}

std::optional<int64_t> requested_wait_us(const Answer& answer, const Problem& problem, int64_t now_us) {
  if (const auto wait = wait_in_header(answer.retry_after, now_us)) return wait;
  if (problem.retry_after && !std::isnan(*problem.retry_after)) return seconds_us(*problem.retry_after);
  const std::string message = text::lower(problem.text);
  for (const std::string_view words : {"resets in ", "available in "}) {
    if (const auto wait = wait_behind(message, words)) return wait;
  }
  if (const auto seconds = parse_seconds(text::trim(answer.ratelimit_reset))) return seconds_us(*seconds);
  return std::nullopt;
}

}  // namespace atelier::replicate
