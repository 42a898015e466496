// SPDX-License-Identifier: PostgreSQL
#include "core/json_number.hpp"

#include <algorithm>
#include <cstdint>

namespace atelier::core::json {
namespace {

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

constexpr bool is_number_char(char c) noexcept {
  return is_digit(c) || c == '+' || c == '-' || c == '.' || c == 'e' || c == 'E';
}

size_t skip_digits(std::string_view text, size_t at) noexcept {
  while (at < text.size() && is_digit(text[at])) ++at;
  return at;
}

// An exponent beyond this is as good as infinite; sums of it and a length still fit.
constexpr int64_t kHugeExponent = int64_t{1} << 40;

int64_t parse_exponent(std::string_view text) noexcept {
  if (text.empty()) return 0;
  const bool negative = text.front() == '-';
  if (negative || text.front() == '+') text.remove_prefix(1);
  int64_t value = 0;
  for (const char c : text) value = std::min(value * 10 + (c - '0'), kHugeExponent);
  return negative ? -value : value;
}

// sign x 0.d1d2d3... x 10^exponent, where d1 and the last digit are not 0. The digits lie in one or two pieces.
struct Decimal {
  bool negative = false;
  std::string_view whole;
  std::string_view fraction;
  int64_t exponent = 0;

  bool zero() const noexcept { return whole.empty() && fraction.empty(); }
  size_t digits() const noexcept { return whole.size() + fraction.size(); }
  char digit(size_t i) const noexcept { return i < whole.size() ? whole[i] : fraction[i - whole.size()]; }
};

Decimal normalize(std::string_view number) noexcept {
  Decimal decimal;
  decimal.negative = number.starts_with('-');
  if (decimal.negative) number.remove_prefix(1);
  const size_t e = std::min(number.find_first_of("eE"), number.size());
  const std::string_view mantissa = number.substr(0, e);
  const size_t point = std::min(mantissa.find('.'), mantissa.size());
  decimal.whole = mantissa.substr(0, point);
  if (point < mantissa.size()) decimal.fraction = mantissa.substr(point + 1);
  if (e < number.size()) decimal.exponent = parse_exponent(number.substr(e + 1));

  while (decimal.whole.starts_with('0')) decimal.whole.remove_prefix(1);
  decimal.exponent += static_cast<int64_t>(decimal.whole.size());
  while (decimal.fraction.ends_with('0')) decimal.fraction.remove_suffix(1);
  if (decimal.fraction.empty()) {
    while (decimal.whole.ends_with('0')) decimal.whole.remove_suffix(1);
  }
  if (decimal.whole.empty()) {
    while (decimal.fraction.starts_with('0')) {
      decimal.fraction.remove_prefix(1);
      --decimal.exponent;
    }
  }
  return decimal;
}

}  // namespace

size_t number_length(std::string_view text, size_t at) noexcept {
  size_t i = at;
  if (i < text.size() && text[i] == '-') ++i;
  const size_t whole = i;
  i = skip_digits(text, i);
  if (i == whole || (text[whole] == '0' && i > whole + 1)) return 0;
  if (i < text.size() && text[i] == '.') {
    const size_t fraction = i + 1;
    i = skip_digits(text, fraction);
    if (i == fraction) return 0;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    const size_t exponent = i;
    i = skip_digits(text, exponent);
    if (i == exponent) return 0;
  }
  return i < text.size() && is_number_char(text[i]) ? 0 : i - at;
}

bool fits_numeric(std::string_view number) noexcept {
  constexpr size_t kMostChars = 8000;
  constexpr int64_t kMostExponent = 8000;
  if (number.size() > kMostChars) return false;
  const size_t e = number.find_first_of("eE");
  if (e == std::string_view::npos) return true;
  const int64_t exponent = parse_exponent(number.substr(e + 1));
  return exponent >= -kMostExponent && exponent <= kMostExponent;
}

bool same_number(std::string_view a, std::string_view b) noexcept {
  if (a == b) return true;
  const Decimal x = normalize(a);
  const Decimal y = normalize(b);
  if (x.zero() || y.zero()) return x.zero() && y.zero();
  if (x.negative != y.negative || x.exponent != y.exponent || x.digits() != y.digits()) return false;
  for (size_t i = 0; i < x.digits(); ++i) {
    if (x.digit(i) != y.digit(i)) return false;
  }
  return true;
}

}  // namespace atelier::core::json
