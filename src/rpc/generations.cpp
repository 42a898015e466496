// SPDX-License-Identifier: PostgreSQL
// What a user does with a generation of his own: cancel_generation(), retry_generation(), and what he asks about it:
// explain_generation().
#include "store/generations.hpp"
#include "core/status.hpp"
#include "pg/entry.hpp"
#include "pg/result_set.hpp"
#include "pg/role.hpp"
#include "rpc/arguments.hpp"
#include "store/caller.hpp"
#include "store/films.hpp"
#include "store/identity.hpp"
#include "store/rights.hpp"
#include "store/wish.hpp"

using namespace atelier;
using core::GenerationStatus;
using store::wish::Wish;

namespace {

// The generation in the call, after a look at whose it is: a stranger learns nothing, not even that it exists.
core::Uuid checked_generation(FunctionCallInfo fcinfo, const char* what) {
  const auto generation = rpc::argument<core::Uuid>(fcinfo, 0);
  const bool app = pg::role_bypasses_policies();
  if (app && !generation) pg::fail(pg::Code::invalid_parameter_value, "a generation is named by its id");
  store::identity::use_app_schema();
  const auto user = generation ? store::generations::user_of(*generation) : std::nullopt;
  if (!app) {
    if (!user || store::caller::identity().sub != user || !store::rights::is_active_user())
      pg::fail(pg::Code::insufficient_privilege, std::string("a user may only ") + what + " generations of his own",
               "The generation is another user's or does not exist, or the signed-in user is not active.");
  } else if (!user) {
    pg::fail(pg::Code::invalid_parameter_value, "generation does not exist");
  }
  return *generation;
}

GenerationStatus lock(const core::Uuid& generation) {
  store::films::lock_film_of(generation);
  const auto status = store::generations::lock(generation);
  const auto known = status ? core::parse_generation_status(*status) : std::nullopt;
  if (!known) pg::fail(pg::Code::invalid_parameter_value, "generation does not exist");
  return *known;
}

std::string change(const core::Uuid& generation, GenerationStatus status, Wish wish) {
  const store::wish::Expressed expressed(wish);
  const auto became = store::generations::set_status(generation, core::name(status));
  if (!became) pg::fail(pg::Code::insufficient_privilege, "generation cannot be written by its user");
  return *became;
}

}  // namespace

// cancel_generation(id): what waits is cancelled, what was sent is cancelled at the provider and ends as that says.
// Returns the status, which changes later in the second case; a generation that has ended stays as it is. Raises 42501
// for others than its user, active, and service_role.
ATELIER_FUNCTION(cancel_generation) {
  const core::Uuid generation = checked_generation(fcinfo, "cancel");
  const GenerationStatus status = lock(generation);
  if (core::is_terminal(status)) return pg::to_datum(core::name(status));
  return pg::to_datum(std::string_view(change(generation, GenerationStatus::cancelled, Wish::cancel)));
}

// retry_generation(id): queues a generation that has failed or was cancelled anew; one that is under way stays as it
// is. Returns the status. Raises 42501 as above, 55000 when it has completed, when its last prediction has not ended,
// or when what it asks for cannot be queued, 53400 when too many of the user's are waiting.
ATELIER_FUNCTION(retry_generation) {
  const core::Uuid generation = checked_generation(fcinfo, "retry");
  const GenerationStatus status = lock(generation);
  if (core::is_active(status)) return pg::to_datum(core::name(status));
  if (status == GenerationStatus::completed)
    pg::fail(pg::Code::object_not_in_prerequisite_state, "generation has completed", {},
             "Insert another one with the same inputs.");
  return pg::to_datum(std::string_view(change(generation, GenerationStatus::queued, Wish::retry)));
}

// explain_generation(id): one row that says why the generation waits, or how far it has come. Raises 42501 for whoever
// may not read it, 22023 when the app asks for one that does not exist.
ATELIER_FUNCTION(explain_generation) {
  pg::ResultSet result(fcinfo);
  const auto generation = rpc::argument<core::Uuid>(fcinfo, 0);
  store::identity::use_app_schema();
  if (!generation || !store::generations::is_readable(*generation)) {
    if (pg::role_bypasses_policies()) pg::fail(pg::Code::invalid_parameter_value, "generation does not exist");
    pg::fail(pg::Code::insufficient_privilege, "a user may only ask about generations that he may read",
             "The generation is another user's or does not exist, or the signed-in user is not active.");
  }
  const store::generations::Explanation found = store::generations::explain(*generation);
  result.add({pg::Arg::of(found.state), pg::Arg::of(found.reason), pg::Arg::of(found.place), pg::Arg::of(found.ahead),
              pg::Arg::of(found.earliest_start), pg::Arg::of(found.blocked_by), pg::Arg::of(found.percent)});
  return (Datum)0;
}
