// SPDX-License-Identifier: PostgreSQL
#include "core/uuid.hpp"

#include <cstring>

namespace atelier::core {
namespace {

constexpr size_t kTextLength = 36;

constexpr bool is_dash_place(size_t i) noexcept { return i == 8 || i == 13 || i == 18 || i == 23; }

constexpr int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::optional<Uuid> parse_uuid(std::string_view text) noexcept {
  if (text.size() != kTextLength) return std::nullopt;
  Uuid uuid;
  size_t digits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (is_dash_place(i)) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    const int value = hex_value(text[i]);
    if (value < 0) return std::nullopt;
    uint8_t& byte = uuid.bytes[digits / 2];
    byte = static_cast<uint8_t>(byte << 4 | value);
    ++digits;
  }
  return uuid;
}

std::string to_string(const Uuid& uuid) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  text.reserve(kTextLength);
  for (const uint8_t byte : uuid.bytes) {
    if (is_dash_place(text.size())) text.push_back('-');
    text.push_back(kHex[byte >> 4]);
    text.push_back(kHex[byte & 15]);
  }
  return text;
}

size_t UuidHash::operator()(const Uuid& uuid) const noexcept {
  uint64_t halves[2];
  std::memcpy(halves, uuid.bytes.data(), sizeof halves);
  // The multiplication keeps ids that differ in one half only, such as those of tests, apart.
  return static_cast<size_t>(halves[0] ^ (halves[1] * 0x9e3779b97f4a7c15U));
}

}  // namespace atelier::core
