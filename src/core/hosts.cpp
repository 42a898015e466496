// SPDX-License-Identifier: PostgreSQL
#include "core/hosts.hpp"

#include <algorithm>

#include "core/text.hpp"

namespace atelier::core {

namespace {

constexpr std::string_view kHttps = "https://";
constexpr std::string_view kHttp = "http://";

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' || c == ':';
}

bool matches(std::string_view entry, std::string_view host) {
  if (!entry.starts_with("*.")) return entry == host;
  const std::string_view end = entry.substr(1);
  return host.size() > end.size() && host.ends_with(end);
}

}  // namespace

std::string host_of(std::string_view url) {
  if (std::any_of(url.begin(), url.end(), [](char c) { return c <= ' ' || c == 0x7F || c == '\\'; })) return {};
  const std::string start = text::lower(url.substr(0, kHttps.size()));
  if (start.starts_with(kHttps)) {
    url.remove_prefix(kHttps.size());
  } else if (start.starts_with(kHttp)) {
    url.remove_prefix(kHttp.size());
  } else {
    return {};
  }
  const std::string authority = text::lower(url.substr(0, url.find_first_of("/?#")));
  if (authority.starts_with('[')) {
    const size_t end = authority.find(']');
    if (end == std::string::npos || (end + 1 < authority.size() && authority[end + 1] != ':')) return {};
    const std::string host = authority.substr(1, end - 1);
    return std::all_of(host.begin(), host.end(), is_host_character) ? host : std::string();
  }
  if (!std::all_of(authority.begin(), authority.end(), is_host_character)) return {};
  std::string host = authority.substr(0, authority.find(':'));
  if (host.ends_with('.')) host.pop_back();
  return host;
}

HostVerdict judge_host(std::string_view list, std::string_view url) {
  const std::string host = host_of(url);
  if (host.empty()) return HostVerdict::refused;
  const std::string entries = text::lower(list);
  bool everybody = false;
  for (size_t at = 0; at <= entries.size();) {
    const size_t end = std::min(entries.find(',', at), entries.size());
    const std::string_view entry = text::trim(std::string_view(entries).substr(at, end - at));
    if (entry == "public") {
      everybody = true;
    } else if (!entry.empty() && matches(entry, host)) {
      return HostVerdict::listed;
    }
    at = end + 1;
  }
  return everybody && text::is_https_url(url) ? HostVerdict::if_public : HostVerdict::refused;
}

}  // namespace atelier::core
