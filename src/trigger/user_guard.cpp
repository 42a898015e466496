// SPDX-License-Identifier: PostgreSQL
// guard_user(): BEFORE INSERT OR UPDATE on users. E-mail addresses are kept in lower case, so that one person has one;
// an ordinary user changes nothing of his row but his profile. remove_user_flows(): BEFORE DELETE on users. The foreign
// keys would delete the flows too, but of several users at once one may have made a node in a flow of another: that
// node would lose its author after its flow is gone, and in the transaction that made it the server looks for the flow
// then.
#include "core/text.hpp"
#include "pg/announced.hpp"
#include "pg/entry.hpp"
#include "store/flows.hpp"
#include "store/uuid.hpp"
#include "trigger/allowed.hpp"

using namespace atelier;
using namespace atelier::trigger;

namespace {

constexpr Oid kText = pg::TypeOf<std::string>::scalar;
constinit const pg::Column kId{"id", pg::TypeOf<core::Uuid>::scalar};
constinit const pg::Column kIsActive{"is_active", pg::TypeOf<bool>::scalar};
constinit const pg::Column kEmail{"email", kText};
constinit const pg::Column kDisplayName{"display_name", kText};
constinit const pg::Column kAvatarUrl{"avatar_url", kText};
constinit const pg::Column kCoverUrl{"cover_url", kText};

void tidy_email(pg::TriggerCall& call) {
  const auto email = call.new_value<std::string>(kEmail);
  if (!email) return;
  const std::string tidy = pg::lower(core::text::trim(*email));
  if (tidy.empty()) return call.set_null(kEmail);
  if (tidy != *email) call.set(kEmail, pg::Arg::of(tidy));
}

}  // namespace

ATELIER_FUNCTION(guard_user) {
  pg::TriggerCall call(fcinfo, "users", pg::TriggerTime::before_row);
  if (call.event() == pg::TriggerEvent::insert) call.fill_missing();
  if (call.event() == pg::TriggerEvent::update)
    allow_changes(call, "a profile", {"display_name", "avatar_url", "cover_url"});
  if (call.caller_is_restricted()) {
    limit_texts(call, {&kDisplayName});
    limit_texts(call, {&kAvatarUrl, &kCoverUrl}, url_limit());
  }
  if (is_new(call, kEmail)) tidy_email(call);
  // What a user had queued before he was deactivated waits for him.
  if (call.event() == pg::TriggerEvent::update && call.changes(kIsActive))
    pg::announce_user_at_commit(call.new_required<core::Uuid>(kId).bytes);
  return call.result();
}

ATELIER_FUNCTION(remove_user_flows) {
  pg::TriggerCall call(fcinfo, "users", pg::TriggerTime::before_row);
  if (call.event() == pg::TriggerEvent::remove) store::flows::remove_flows(call.old_required<core::Uuid>(kId));
  return call.result();
}
