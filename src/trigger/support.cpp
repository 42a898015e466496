// SPDX-License-Identifier: PostgreSQL
// guard_ticket(): BEFORE INSERT OR UPDATE on support_tickets. A user asks; the status and the answer are not his, and
// what he has asked stays as it is.
#include "pg/entry.hpp"
#include "trigger/allowed.hpp"

using namespace atelier;
using namespace atelier::trigger;

namespace {

constexpr SizeLimit kMessageLimit{4'000, nullptr};  // as the table's check has it, with a clearer message
constinit const pg::Column kMessage{"message", pg::TypeOf<std::string>::scalar};
constinit const pg::Column kImages{"images", pg::TypeOf<std::string>::array};
constinit const pg::Column kUpdatedAt{"updated_at", pg::TypeOf<pg::Timestamp>::scalar};

}  // namespace

ATELIER_FUNCTION(guard_ticket) {
  pg::TriggerCall call(fcinfo, "support_tickets", pg::TriggerTime::before_row);
  if (call.event() == pg::TriggerEvent::insert) {
    allow_insert(call, {"id", "user_id", "subject", "message", "images"});
    if (call.caller_is_restricted()) {
      limit_texts(call, {&kMessage}, kMessageLimit);
      limit_lists(call, {&kImages});
    }
  } else if (call.event() == pg::TriggerEvent::update) {
    allow_changes(call, "a support ticket", {});
    call.set(kUpdatedAt, pg::Arg::of(pg::transaction_start()));
  }
  return call.result();
}
