// SPDX-License-Identifier: PostgreSQL
#include <algorithm>

#include "core/json.hpp"
#include "core/json_number.hpp"
#include "core/utf8.hpp"

namespace atelier::core::json {
namespace {

constexpr std::string_view kReplacementEscape = "\\ufffd";
constexpr size_t kEscapeLength = 6;  // \uXXXX

// The code unit of the escape \uXXXX at `at`; -1 when there is none.
int escaped_unit(std::string_view text, size_t at) noexcept {
  if (text.size() - std::min(at, text.size()) < kEscapeLength || text[at] != '\\' || text[at + 1] != 'u') return -1;
  int unit = 0;
  for (const char c : text.substr(at + 2, 4)) {
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

constexpr bool is_high_surrogate(int unit) noexcept { return unit >= 0xD800 && unit <= 0xDBFF; }
constexpr bool is_low_surrogate(int unit) noexcept { return unit >= 0xDC00 && unit <= 0xDFFF; }

// Copies the escape at `at` to `out`, replaced where it must be; returns the place behind it.
size_t copy_escape(std::string_view text, size_t at, std::string& out) {
  const int unit = escaped_unit(text, at);
  if (is_high_surrogate(unit) && is_low_surrogate(escaped_unit(text, at + kEscapeLength))) {
    out += text.substr(at, 2 * kEscapeLength);
    return at + 2 * kEscapeLength;
  }
  if (unit == 0 || is_high_surrogate(unit) || is_low_surrogate(unit)) {
    out += kReplacementEscape;
    return at + kEscapeLength;
  }
  const size_t length = unit < 0 ? std::min<size_t>(2, text.size() - at) : kEscapeLength;
  // What follows the backslash may be the first byte of a longer, or a bad, character.
  if (length == 2 && static_cast<unsigned char>(text[at + 1]) >= 0x80) {
    out += '\\';
    return at + 1;
  }
  out += text.substr(at, length);
  return at + length;
}

size_t copy_string_part(std::string_view text, size_t at, std::string& out) {
  if (text[at] == '\\') return copy_escape(text, at, out);
  const size_t length = text[at] == '\0' ? 0 : utf8::length_at(text, at);
  out += length == 0 ? utf8::kReplacement : text.substr(at, length);
  return at + std::max<size_t>(length, 1);
}

}  // namespace

std::string clean_for_jsonb(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool in_string = false;
  for (size_t i = 0; i < text.size();) {
    if (text[i] == '"') in_string = !in_string;
    if (in_string && text[i] != '"') {
      i = copy_string_part(text, i, out);
      continue;
    }
    const size_t number = number_length(text, i);
    if (number == 0) {
      out += text[i++];
      continue;
    }
    out += fits_numeric(text.substr(i, number)) ? text.substr(i, number) : std::string_view("null");
    i += number;
  }
  return out;
}

}  // namespace atelier::core::json
