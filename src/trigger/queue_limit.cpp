// SPDX-License-Identifier: PostgreSQL
#include "trigger/queue_limit.hpp"

#include <string>

#include "pg/error.hpp"
#include "pg/settings.hpp"
#include "pg/transaction.hpp"
#include "store/caller.hpp"
#include "store/waiting.hpp"
#include "trigger/generation.hpp"

namespace atelier::trigger::generation {

namespace {

// How many more rows this transaction may insert. True only where it was counted: a subtransaction that is rolled back
// lets go of the lock, and its rows give their places back.
struct Room {
  uint64_t transaction = 0;
  uint32_t subtransaction = 0;
  int limit = 0;
  core::Uuid user;
  int64_t places = 0;
};

Room measured(const core::Uuid& user, int limit) {
  store::waiting::lock(user);
  return {pg::transaction_id(), pg::subtransaction_id(), limit, user, limit - store::waiting::count(user, limit)};
}

bool holds(const Room& room, const core::Uuid& user, int limit) {
  return room.transaction == pg::transaction_id() && room.subtransaction == pg::subtransaction_id() &&
         room.user == user && room.limit == limit;
}

}  // namespace

void take_place(const pg::TriggerCall& call) {
  constinit static Room room;
  const int limit = pg::settings::max_queued_per_user();
  const auto user = call.new_value<core::Uuid>(column::kUserId);
  // A row for somebody else is the policy's to refuse, and says nothing about his queue.
  if (limit == 0 || !user || store::caller::identity().sub != user) return;
  // The rest of a bulk insert takes the places that its first row has counted; the last place is counted again.
  if (!holds(room, *user, limit) || room.places <= 0) room = measured(*user, limit);
  if (room.places <= 0)
    pg::fail(pg::Code::configuration_limit_exceeded, "too many generations of this user are waiting",
             "At most " + std::to_string(limit) + " of a user's generations may be pending or queued at once.",
             "Try again when some of them have been taken, or cancel some.");
  --room.places;
}

}  // namespace atelier::trigger::generation
