// SPDX-License-Identifier: PostgreSQL
#include "store/caller.hpp"

#include <string>
#include <string_view>

#include "pg/request.hpp"

namespace atelier::store::caller {

namespace {

struct Known {
  std::string claims;
  std::string legacy_sub;
  std::string legacy_role;
  core::Identity identity;
};

constinit pg::RequestSetting claims_setting("request.jwt.claims");
constinit pg::RequestSetting legacy_sub_setting("request.jwt.claim.sub");
constinit pg::RequestSetting legacy_role_setting("request.jwt.claim.role");

}  // namespace

const core::Identity& identity() {
  static auto* known = new Known;
  const std::string_view claims = claims_setting.value();
  // The older settings count only where the newer one is missing.
  const bool legacy = claims.empty();
  const std::string_view sub = legacy ? legacy_sub_setting.value() : std::string_view();
  const std::string_view role = legacy ? legacy_role_setting.value() : std::string_view();
  if (known->claims != claims || known->legacy_sub != sub || known->legacy_role != role) {
    core::Identity identity = core::identity_from(claims, sub, role);
    known->claims = claims;
    known->legacy_sub = sub;
    known->legacy_role = role;
    known->identity = std::move(identity);
  }
  return known->identity;
}

}  // namespace atelier::store::caller
