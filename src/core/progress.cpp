// SPDX-License-Identifier: PostgreSQL
#include "core/progress.hpp"

#include <charconv>

namespace atelier::core {

namespace {

// The news are at the end; what a model prints besides is not searched for long.
constexpr size_t kSearchedBytes = 8192;
constexpr int16_t kAll = 100;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// Where the digits before `end` begin.
size_t digits_before(std::string_view text, size_t end) noexcept {
  size_t begin = end;
  while (begin > 0 && is_digit(text[begin - 1])) --begin;
  return begin;
}

std::optional<int16_t> percent_before(std::string_view text, size_t sign) noexcept {
  size_t end = sign;
  size_t begin = digits_before(text, end);
  if (begin > 0 && begin < end && text[begin - 1] == '.') {
    end = begin - 1;
    begin = digits_before(text, end);
  }
  int16_t percent = 0;
  const auto parsed = std::from_chars(text.data() + begin, text.data() + end, percent);
  if (begin == end || parsed.ec != std::errc() || percent > kAll) return std::nullopt;
  return percent;
}

}  // namespace

std::optional<int16_t> last_percent(std::string_view logs) noexcept {
  if (logs.size() > kSearchedBytes) logs.remove_prefix(logs.size() - kSearchedBytes);
  for (size_t end = logs.size(); end > 0;) {
    const size_t sign = logs.rfind('%', end - 1);
    if (sign == std::string_view::npos) return std::nullopt;
    if (const auto percent = percent_before(logs, sign)) return percent;
    end = sign;
  }
  return std::nullopt;
}

}  // namespace atelier::core
