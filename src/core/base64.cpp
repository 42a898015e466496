// SPDX-License-Identifier: PostgreSQL
#include "core/base64.hpp"

#include <cstdint>

namespace atelier::core::base64 {

namespace {

constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int value_of(char c) noexcept {
  const size_t place = kLetters.find(c);
  return place == std::string_view::npos ? -1 : static_cast<int>(place);
}

}  // namespace

std::optional<std::string> decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  size_t letters = text.size();
  for (int padding = 0; padding < 2 && letters > 0 && text[letters - 1] == '='; ++padding) --letters;
  std::string bytes;
  bytes.reserve(letters * 3 / 4);
  uint32_t bits = 0;
  int held = 0;
  for (const char c : text.substr(0, letters)) {
    const int value = value_of(c);
    if (value < 0) return std::nullopt;
    bits = (bits << 6 | static_cast<uint32_t>(value)) & 0xffff;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes += static_cast<char>(bits >> held & 0xff);
  }
  if ((bits & ((1u << held) - 1)) != 0) return std::nullopt;
  return bytes;
}

std::string encode(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t given = bytes.size() - i;
    uint32_t bits = static_cast<uint32_t>(static_cast<uint8_t>(bytes[i])) << 16;
    if (given > 1) bits |= static_cast<uint32_t>(static_cast<uint8_t>(bytes[i + 1])) << 8;
    if (given > 2) bits |= static_cast<uint32_t>(static_cast<uint8_t>(bytes[i + 2]));
    text += kLetters[bits >> 18];
    text += kLetters[bits >> 12 & 63];
    text += given > 1 ? kLetters[bits >> 6 & 63] : '=';
    text += given > 2 ? kLetters[bits & 63] : '=';
  }
  return text;
}

}  // namespace atelier::core::base64
