// SPDX-License-Identifier: PostgreSQL
// Whatever a request claims: an answer and no accident. The input is up to three lines: claims, and the two settings of
// older gateways.
#include <cstddef>
#include <cstdint>

#include "core/claims.hpp"
#include "core/text.hpp"
#include "require.hpp"

namespace core = atelier::core;

namespace {

std::string_view take_line(std::string_view& rest) {
  const std::string_view line = rest.substr(0, rest.find('\n'));
  rest.remove_prefix(line.size() < rest.size() ? line.size() + 1 : line.size());
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const std::string_view claims = take_line(rest);
  const std::string_view sub = take_line(rest);
  const core::Identity identity = core::identity_from(claims, sub, rest);
  if (identity.sub) require(core::parse_uuid(core::to_string(*identity.sub)) == identity.sub);
  if (claims.empty()) {
    require(identity.role == rest && identity.sub == core::parse_uuid(sub));
    return 0;
  }
  // The older settings do not count beside claims, and nothing is made up that the claims do not hold.
  require(identity == core::identity_from(claims, {}, "service_role"));
  require(core::text::is_clean_utf8(identity.role));
  if (claims.find('\\') == std::string_view::npos) {
    require(identity.role.empty() || claims.find('"' + identity.role + '"') != std::string_view::npos);
    require(!identity.sub || core::text::contains_ignoring_case(claims, core::to_string(*identity.sub)));
  }
  return 0;
}
