// SPDX-License-Identifier: PostgreSQL
// The functions that policies call: uid(), role(), is_active_user().
#include "rpc/identity.hpp"

#include "pg/call_memory.hpp"
#include "pg/datum.hpp"
#include "pg/entry.hpp"
#include "pg/request.hpp"
#include "store/identity.hpp"
#include "store/users.hpp"
#include "store/uuid.hpp"

using namespace atelier;

namespace atelier::rpc {

namespace {

struct Known {
  std::string claims;
  std::string legacy_sub;
  std::string legacy_role;
  core::Identity identity;
};

}  // namespace

const core::Identity& caller() {
  static auto* known = new Known;
  const std::string_view claims = pg::request_setting("request.jwt.claims");
  // The older settings count only where the newer one is missing.
  const bool legacy = claims.empty();
  const std::string_view sub = legacy ? pg::request_setting("request.jwt.claim.sub") : std::string_view();
  const std::string_view role = legacy ? pg::request_setting("request.jwt.claim.role") : std::string_view();
  if (known->claims != claims || known->legacy_sub != sub || known->legacy_role != role) {
    core::Identity identity = core::identity_from(claims, sub, role);
    known->claims = claims;
    known->legacy_sub = sub;
    known->legacy_role = role;
    known->identity = std::move(identity);
  }
  return known->identity;
}

}  // namespace atelier::rpc

namespace {

Datum null_result(FunctionCallInfo fcinfo) {
  fcinfo->isnull = true;
  return 0;
}

// What is_active_user() answered last at one place of a query.
struct Answer {
  bool valid;
  bool active;
  core::Uuid user;
  pg::SnapshotKey snapshot;
};

}  // namespace

// uid(): the subject of the claims; null for nobody. For everybody.
ATELIER_FUNCTION(uid) {
  const std::optional<core::Uuid>& sub = rpc::caller().sub;
  return sub ? to_datum(*sub) : null_result(fcinfo);
}

// role(): the role of the claims, which need not be the role of the session; null for nobody. For everybody.
ATELIER_FUNCTION(role) {
  const std::string& role = rpc::caller().role;
  return role.empty() ? null_result(fcinfo) : pg::to_datum(std::string_view(role));
}

// is_active_user(): whether the caller has a profile that is not deactivated. Asked once per query, caller and
// snapshot.
ATELIER_FUNCTION(is_active_user) {
  const std::optional<core::Uuid>& sub = rpc::caller().sub;
  if (!sub) return pg::to_datum(false);
  auto& last = pg::remembered<Answer>(fcinfo);
  const pg::SnapshotKey snapshot = pg::current_snapshot();
  if (!last.valid || last.user != *sub || last.snapshot != snapshot) {
    store::identity::use_app_schema();
    last.valid = false;
    last.active = store::users::is_active(*sub);
    last.user = *sub;
    last.snapshot = snapshot;
    last.valid = true;
  }
  return pg::to_datum(last.active);
}
