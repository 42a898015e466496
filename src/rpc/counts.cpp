// SPDX-License-Identifier: PostgreSQL
// Counts of generations that users may ask for: get_generation_counts() and get_workspace_generation_counts(). Both run
// with the rights of their caller and check him here, since the store reads as the owner.
#include "store/counts.hpp"
#include "pg/entry.hpp"
#include "pg/result_set.hpp"
#include "pg/role.hpp"
#include "store/acting.hpp"
#include "store/identity.hpp"
#include "store/rights.hpp"

using namespace atelier;

namespace {

std::optional<core::Uuid> argument(FunctionCallInfo fcinfo, int place) {
  if (PG_ARGISNULL(place)) return std::nullopt;
  return pg::to_cpp<core::Uuid>(PG_GETARG_DATUM(place));
}

void add(pg::ResultSet& result, const store::counts::Counts& counts) {
  result.add(
      {pg::Arg::of(counts.all), pg::Arg::of(counts.active), pg::Arg::of(counts.favorites), pg::Arg::of(counts.failed)});
}

}  // namespace

// unwritten_counts(): what this transaction has changed in the kept numbers and has not written yet, a line for each
// key. For the owner's functions, which add it to the tables.
ATELIER_FUNCTION(unwritten_counts) {
  pg::ResultSet result(fcinfo);
  for (const core::counts::Change& change : store::counts::unwritten()) {
    std::vector<pg::Arg> line{pg::Arg::of(static_cast<int16_t>(change.key.scope)), pg::Arg::of(change.key.user),
                              pg::Arg::of(change.key.workspace), pg::Arg::of(change.key.hour)};
    for (const int64_t value : change.numbers.values) line.push_back(pg::Arg::of(value));
    result.add(line);
  }
  return 0;
}

// write_counts(): writes that now.
ATELIER_FUNCTION(write_counts) {
  store::counts::write_now();
  return 0;
}

// get_generation_counts(user): always one row; zeros for a user who has nothing or does not exist. For the user himself
// and the app; raises 42501 for others.
ATELIER_FUNCTION(get_generation_counts) {
  pg::ResultSet result(fcinfo);
  const std::optional<core::Uuid> user = argument(fcinfo, 0);
  store::acting::require_self(user);
  store::identity::use_app_schema();
  add(result, user ? store::counts::of_user(*user) : store::counts::Counts{});
  return 0;
}

// get_workspace_generation_counts(workspace, user or null): always one row. For members and the app; raises 42501 for
// others.
ATELIER_FUNCTION(get_workspace_generation_counts) {
  pg::ResultSet result(fcinfo);
  const std::optional<core::Uuid> workspace = argument(fcinfo, 0);
  if (!pg::role_bypasses_policies() && !(workspace && store::rights::is_workspace_member(*workspace)))
    pg::fail(pg::Code::insufficient_privilege, "only members may count the generations of a workspace",
             "The signed-in user is not an active member of it.");
  store::identity::use_app_schema();
  add(result, workspace ? store::counts::of_workspace(*workspace, argument(fcinfo, 1)) : store::counts::Counts{});
  return 0;
}
