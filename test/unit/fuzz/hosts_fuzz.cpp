// SPDX-License-Identifier: PostgreSQL
// Whatever URL a row names, beside whatever list: no accident, and nothing is fetched from a URL that has no clear
// host. The input is the list, a line end and the URL.
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/hosts.hpp"
#include "require.hpp"

namespace core = atelier::core;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t end = text.find('\n');
  if (end == std::string_view::npos) return 0;
  const std::string_view list = text.substr(0, end);
  const std::string_view url = text.substr(end + 1);
  const std::string host = core::host_of(url);
  const core::HostVerdict verdict = core::judge_host(list, url);
  if (host.empty()) require(verdict == core::HostVerdict::refused);
  if (list.empty()) require(verdict == core::HostVerdict::refused);
  for (const char letter : host)
    require(static_cast<unsigned char>(letter) > ' ' && letter != '@' && letter != '/' && letter != '\\');
  return 0;
}
