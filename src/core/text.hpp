// SPDX-License-Identifier: PostgreSQL
// Small rules about text that comes from outside: UTF-8, lengths, URLs, secrets. Called by every layer before a text is
// stored, logged or shown. Nothing here fails: bad bytes are replaced, never reported.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace atelier::core::text {

// Whether it is UTF-8 as PostgreSQL accepts it: shortest forms, no surrogates, nothing above U+10FFFF, no NUL.
bool is_clean_utf8(std::string_view text) noexcept;
// The same text with each byte that breaks these rules replaced by U+FFFD.
std::string clean_utf8(std::string_view text);

// The longest beginning with at most that many characters or bytes that does not cut a character.
std::string_view first_chars(std::string_view text, size_t chars) noexcept;
std::string_view first_bytes(std::string_view text, size_t bytes) noexcept;
// The longest end with at most that many bytes that does not begin inside a character.
std::string_view last_bytes(std::string_view text, size_t bytes) noexcept;

// Every run of control characters (line breaks and tabs too) becomes one space; none stays at the ends.
std::string one_line(std::string_view text);
bool has_control_characters(std::string_view text) noexcept;

std::string_view trim(std::string_view text) noexcept;  // ASCII white space
// ASCII only; other characters stay.
std::string lower(std::string_view text);
bool contains_ignoring_case(std::string_view text, std::string_view part) noexcept;
bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) noexcept;

// http:// or https:// with a host, without white space and control characters.
bool is_http_url(std::string_view text) noexcept;
bool is_https_url(std::string_view text) noexcept;
// An http:// URL whose host is 127.0.0.1, [::1] or localhost.
bool is_loopback_http_url(std::string_view text) noexcept;
// data:<type>/<subtype>... with a comma.
bool is_data_uri(std::string_view text) noexcept;
// The path of a URL or of a request target, without host, query and fragment; "/" when there is none.
std::string_view url_path(std::string_view url) noexcept;

// Replaces what may be a secret by "[redacted]": r8_ tokens, whsec_ keys, the word after Bearer or Token, and
// user:password@ in URLs.
std::string redact(std::string_view text);

}  // namespace atelier::core::text
