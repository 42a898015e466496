// SPDX-License-Identifier: PostgreSQL
// One step through UTF-8, for text.cpp and the JSON sources; everybody else uses core/text.hpp. It reads nothing behind
// the end of the text.
#pragma once

#include <cstddef>
#include <string_view>

namespace atelier::core::utf8 {

// What stands for bytes that are no character: U+FFFD.
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

constexpr bool is_continuation(char c) noexcept { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// The length of the character at `at`, 1 to 4; 0 when the bytes there are none: a stray or missing continuation, a
// longer form than needed, a surrogate, a value above U+10FFFF. NUL is a character here.
size_t length_at(std::string_view text, size_t at) noexcept;

}  // namespace atelier::core::utf8
