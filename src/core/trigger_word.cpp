// SPDX-License-Identifier: PostgreSQL
#include "core/trigger_word.hpp"

#include "core/text.hpp"

namespace atelier::core {

namespace {

constexpr size_t kLongest = 50;

char normal(char c) {
  if (c >= 'a' && c <= 'z') return static_cast<char>(c - 'a' + 'A');
  if (c == ' ' || (c >= '\t' && c <= '\r')) return '_';
  return c;
}

bool is_allowed(char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

}  // namespace

std::optional<std::string> normal_trigger_word(std::string_view word) {
  word = text::trim(word);
  if (word.empty() || word.size() > kLongest) return std::nullopt;
  std::string result;
  for (const char c : word) {
    result += normal(c);
    if (!is_allowed(result.back())) return std::nullopt;
  }
  return result;
}

}  // namespace atelier::core
