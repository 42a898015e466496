// SPDX-License-Identifier: PostgreSQL
#include "core/claims.hpp"

#include "core/json.hpp"
#include "core/text.hpp"

namespace atelier::core {
namespace {

// A request's headers are far smaller; whatever is larger was not made by the API server.
constexpr json::Limits kClaimLimits{size_t{64} << 10, 32, 10'000};

Identity from_claims(std::string_view claims) {
  const json::Parsed parsed = json::parse(claims, kClaimLimits);
  const json::Value root = parsed.root();
  const std::string_view role = root.find("role").string_or_empty();
  // A text with a NUL in it would be cut to another role by whoever reads it as the server does.
  return {parse_uuid(root.find("sub").string_or_empty()), text::is_clean_utf8(role) ? std::string(role) : ""};
}

}  // namespace

Identity identity_from(std::string_view claims, std::string_view legacy_sub, std::string_view legacy_role) noexcept {
  try {
    if (!claims.empty()) return from_claims(claims);
    return {parse_uuid(legacy_sub), std::string(legacy_role)};
  } catch (...) {
    // Only memory can run out here, and then the caller is nobody rather than somebody.
    return {};
  }
}

}  // namespace atelier::core
