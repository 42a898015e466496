// SPDX-License-Identifier: PostgreSQL
// guard_ticket(): BEFORE INSERT OR UPDATE on support_tickets. A user asks; the status and the answer are not his, and
// what he has asked stays as it is.
#include "pg/entry.hpp"
#include "store/uuid.hpp"
#include "trigger/input.hpp"

using namespace atelier;
using namespace atelier::trigger;

namespace {

constexpr Oid kUuid = pg::TypeOf<core::Uuid>::scalar;

constinit const pg::Column kId{"id", kUuid};
constinit const pg::Column kUserId{"user_id", kUuid};
constinit const pg::Column kSubject{"subject", 1043};  // varchar, with a length of its own
constinit const pg::Column kMessage{"message", pg::TypeOf<std::string>::scalar};
constinit const pg::Column kImages{"images", pg::TypeOf<std::string>::array};
constinit const pg::Column kUpdatedAt{"updated_at", pg::TypeOf<pg::Timestamp>::scalar};

}  // namespace

ATELIER_FUNCTION(guard_ticket) {
  pg::TriggerCall call(fcinfo, "support_tickets", pg::TriggerTime::before_row);
  if (call.event() == pg::TriggerEvent::insert) {
    input::take_insert(call, {&kId, &kUserId, &kSubject, &kMessage, &kImages});
    input::limit_bytes(call, {&kImages});
  } else if (call.event() == pg::TriggerEvent::update) {
    input::take_update(call, "a support ticket", {});
    call.set(kUpdatedAt, pg::Arg::of(pg::transaction_start()));
  }
  return call.result();
}
