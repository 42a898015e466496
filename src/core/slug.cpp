// SPDX-License-Identifier: PostgreSQL
#include "core/slug.hpp"

#include <array>
#include <cstdint>
#include <optional>

#include "core/utf8.hpp"

namespace atelier::core {

namespace {

// The code point of the character at `at` that is `length` bytes long.
uint32_t code_point(std::string_view text, size_t at, size_t length) noexcept {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(text[at + i])); };
  if (length == 1) return byte(0);
  uint32_t code = byte(0) & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) code = code << 6 | (byte(i) & 0x3Fu);
  return code;
}

// From U+0430 on.
constexpr std::array<std::string_view, 32> kRussian = {"a",  "b",  "v",  "g",   "d", "e", "zh", "z", "i",  "y", "k",
                                                       "l",  "m",  "n",  "o",   "p", "r", "s",  "t", "u",  "f", "h",
                                                       "ts", "ch", "sh", "sch", "",  "y", "",   "e", "yu", "ya"};

struct Letter {
  uint32_t lower, upper;
  std::string_view latin;
};
constexpr std::array<Letter, 6> kOthers = {{{0x451, 0x401, "yo"},
                                            {0x454, 0x404, "ye"},
                                            {0x456, 0x406, "i"},
                                            {0x457, 0x407, "yi"},
                                            {0x45E, 0x40E, "u"},
                                            {0x491, 0x490, "g"}}};

// Accents that follow their letter.
bool is_combining(uint32_t code) noexcept { return code >= 0x300 && code <= 0x36F; }

// Nothing for a character that is no letter or digit of a slug; empty for signs that are not pronounced.
std::optional<std::string_view> latin(uint32_t code) noexcept {
  if (code >= 0x430 && code <= 0x44F) return kRussian[code - 0x430];
  if (code >= 0x410 && code <= 0x42F) return kRussian[code - 0x410];
  for (const Letter& letter : kOthers)
    if (code == letter.lower || code == letter.upper) return letter.latin;
  if (is_combining(code)) return "";
  return std::nullopt;
}

bool is_plain(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// Beyond ASCII: control characters, spaces and what is not shown at all.
bool is_unseen(uint32_t code) noexcept {
  return code < 0xA1 || code == 0xAD || code == 0x1680 || (code >= 0x2000 && code <= 0x200F) ||
         (code >= 0x2028 && code <= 0x202F) || (code >= 0x205F && code <= 0x206F) || code == 0x3000 || code == 0xFEFF ||
         (code >= 0xFFF0 && code <= 0xFFFF) || (code >= 0xE0000 && code <= 0xE0FFF);
}

}  // namespace

std::string slug_from(std::string_view name) {
  std::string slug;
  bool separated = false;
  for (size_t at = 0; at < name.size() && slug.size() < kSlugCharacters;) {
    const size_t length = utf8::length_at(name, at);
    std::optional<std::string_view> letters;
    char c = name[at];
    if (length == 1) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
      if (is_plain(c)) letters = std::string_view(&c, 1);
    } else if (length > 1) {
      letters = latin(code_point(name, at, length));
    }
    if (!letters) {
      separated = true;
    } else if (!letters->empty()) {
      if (separated && !slug.empty()) slug += '-';
      separated = false;
      slug += *letters;
    }
    at += length == 0 ? 1 : length;
  }
  if (slug.size() > kSlugCharacters) slug.resize(kSlugCharacters);
  while (!slug.empty() && slug.back() == '-') slug.pop_back();
  return slug;
}

bool is_slug(std::string_view text) noexcept {
  size_t characters = 0;
  for (size_t at = 0; at < text.size(); ++characters) {
    const size_t length = utf8::length_at(text, at);
    if (length == 0) return false;
    const bool good = length == 1 ? is_plain(text[at]) || text[at] == '-' || text[at] == '_'
                                  : !is_unseen(code_point(text, at, length));
    if (!good) return false;
    at += length;
  }
  return characters >= 1 && characters <= kSlugCharacters;
}

}  // namespace atelier::core
