// SPDX-License-Identifier: PostgreSQL
#include "core/text.hpp"

#include <algorithm>
#include <array>

#include "core/utf8.hpp"

namespace atelier::core::text {
namespace {

constexpr std::string_view kSpaces = " \t\r\n\f\v";
constexpr std::string_view kRedacted = "[redacted]";

constexpr bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

constexpr bool is_alphanumeric(char c) noexcept {
  return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
}

// What a token, key or bearer value is made of.
constexpr bool is_secret_char(char c) noexcept {
  return is_alphanumeric(c) || std::string_view("_-.~+/=").find(c) != std::string_view::npos;
}

size_t end_of_secret(std::string_view text, size_t at) noexcept {
  while (at < text.size() && is_secret_char(text[at])) ++at;
  return at;
}

// The rest of a URL behind its scheme when that is `scheme` and the rest has a host and only characters that a URL may
// have.
std::string_view after_scheme(std::string_view text, std::string_view scheme) noexcept {
  if (!starts_with_ignoring_case(text, scheme)) return {};
  const std::string_view rest = text.substr(scheme.size());
  const bool readable =
      std::none_of(rest.begin(), rest.end(), [](char c) { return is_control(c) || c == ' ' || c == '\\'; });
  const bool has_host = !rest.empty() && std::string_view("/?#:@").find(rest.front()) == std::string_view::npos;
  return readable && has_host ? rest : std::string_view();
}

// Writes the secret that begins at `at` of `text`, if one does, to `out` as its replacement; returns where it ends.
size_t replace_secret(std::string_view text, size_t at, std::string& out) {
  const std::string_view rest = text.substr(at);
  for (const std::string_view prefix : {"r8_", "whsec_"}) {
    if (!starts_with_ignoring_case(rest, prefix)) continue;
    out += kRedacted;
    return end_of_secret(text, at + prefix.size());
  }
  for (const std::string_view scheme : {"bearer", "token"}) {
    if (!starts_with_ignoring_case(rest, scheme)) continue;
    const size_t value = rest.find_first_not_of(" \t:=\"'", scheme.size());
    // A short word behind it is prose, such as "token was disabled".
    constexpr size_t kShortestSecret = 16;
    if (value == std::string_view::npos || value == scheme.size()) continue;
    const size_t end = end_of_secret(rest, value);
    if (end - value < kShortestSecret) continue;
    out += rest.substr(0, value);
    out += kRedacted;
    return at + end;
  }
  constexpr std::string_view kAuthority = "://";
  if (rest.starts_with(kAuthority)) {
    const size_t end = std::min(rest.find_first_of("/?# \"'\n", kAuthority.size()), rest.size());
    const size_t user_end = rest.substr(0, end).rfind('@');
    if (user_end != std::string_view::npos) {
      out += kAuthority;
      out += kRedacted;
      return at + user_end;
    }
  }
  return at;
}

}  // namespace

bool is_clean_utf8(std::string_view text) noexcept {
  for (size_t i = 0; i < text.size();) {
    const size_t length = text[i] == '\0' ? 0 : utf8::length_at(text, i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

std::string clean_utf8(std::string_view text) {
  if (is_clean_utf8(text)) return std::string(text);
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  for (size_t i = 0; i < text.size();) {
    const size_t length = text[i] == '\0' ? 0 : utf8::length_at(text, i);
    out += length == 0 ? utf8::kReplacement : text.substr(i, length);
    i += std::max<size_t>(length, 1);
  }
  return out;
}

std::string_view first_chars(std::string_view text, size_t chars) noexcept {
  size_t i = 0;
  for (; i < text.size(); ++i) {
    if (utf8::is_continuation(text[i])) continue;
    if (chars == 0) break;
    --chars;
  }
  return text.substr(0, i);
}

std::string_view first_bytes(std::string_view text, size_t bytes) noexcept {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && utf8::is_continuation(text[bytes])) --bytes;
  return text.substr(0, bytes);
}

std::string_view last_bytes(std::string_view text, size_t bytes) noexcept {
  if (text.size() <= bytes) return text;
  size_t begin = text.size() - bytes;
  while (begin < text.size() && utf8::is_continuation(text[begin])) ++begin;
  return text.substr(begin);
}

std::string one_line(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool gap = false;
  for (const char c : text) {
    if (is_control(c)) {
      gap = true;
      continue;
    }
    if (gap && !out.empty() && out.back() != ' ' && c != ' ') out.push_back(' ');
    gap = false;
    out.push_back(c);
  }
  return std::string(trim(out));
}

bool has_control_characters(std::string_view text) noexcept {
  return std::any_of(text.begin(), text.end(), is_control);
}

std::string_view trim(std::string_view text) noexcept {
  const size_t begin = text.find_first_not_of(kSpaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return lower(c); });
  return out;
}

bool contains_ignoring_case(std::string_view text, std::string_view part) noexcept {
  const auto same = [](char a, char b) { return lower(a) == lower(b); };
  return std::search(text.begin(), text.end(), part.begin(), part.end(), same) != text.end() || part.empty();
}

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) noexcept {
  return text.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), text.begin(), [](char a, char b) { return lower(a) == lower(b); });
}

bool is_http_url(std::string_view text) noexcept {
  return is_https_url(text) || !after_scheme(text, "http://").empty();
}

bool is_https_url(std::string_view text) noexcept { return !after_scheme(text, "https://").empty(); }

bool is_loopback_http_url(std::string_view text) noexcept {
  const std::string_view rest = after_scheme(text, "http://");
  for (const std::string_view host : {"127.0.0.1", "[::1]", "localhost"}) {
    if (!starts_with_ignoring_case(rest, host)) continue;
    // A user part would make another host of what follows it.
    const std::string_view behind = rest.substr(host.size());
    const std::string_view authority = behind.substr(0, behind.find_first_of("/?#"));
    const bool port_only =
        authority.empty() ||
        (authority.front() == ':' && authority.find_first_not_of("0123456789", 1) == std::string_view::npos);
    if (port_only) return true;
  }
  return false;
}

bool is_data_uri(std::string_view text) noexcept {
  constexpr std::string_view kScheme = "data:";
  if (!starts_with_ignoring_case(text, kScheme)) return false;
  const std::string_view head = text.substr(kScheme.size(), text.find(',') - kScheme.size());
  if (text.find(',') == std::string_view::npos) return false;
  const std::string_view type = head.substr(0, head.find(';'));
  const size_t slash = type.find('/');
  return slash != std::string_view::npos && slash > 0 && slash + 1 < type.size() && !has_control_characters(head);
}

std::string_view url_path(std::string_view url) noexcept {
  url = url.substr(0, url.find_first_of("?#"));
  const size_t scheme = url.find("://");
  if (scheme != std::string_view::npos) {
    const size_t slash = url.find('/', scheme + 3);
    return slash == std::string_view::npos ? std::string_view("/") : url.substr(slash);
  }
  return url.empty() ? std::string_view("/") : url;
}

std::string redact(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const bool may_begin = i == 0 || !is_alphanumeric(text[i - 1]) || text[i] == ':';
    const size_t end = may_begin ? replace_secret(text, i, out) : i;
    if (end == i)
      out.push_back(text[i++]);
    else
      i = end;
  }
  return out;
}

}  // namespace atelier::core::text
