// SPDX-License-Identifier: PostgreSQL
// guard_user(): BEFORE INSERT OR UPDATE on users. E-mail addresses are kept in lower case, so that one person has one;
// an ordinary user changes nothing of his row but his profile.
#include <algorithm>
#include <array>

#include "core/text.hpp"
#include "pg/entry.hpp"
#include "pg/trigger.hpp"

using namespace atelier;

namespace {

constexpr Oid kText = pg::TypeOf<std::string>::scalar;
constinit const pg::Column kEmail{"email", kText};
constinit const pg::Column kDisplayName{"display_name", kText};
constinit const pg::Column kAvatarUrl{"avatar_url", kText};
constinit const pg::Column kCoverUrl{"cover_url", kText};

void tidy_email(pg::TriggerCall& call) {
  const auto email = call.new_value<std::string>(kEmail);
  if (!email) return;
  const std::string tidy = pg::lower(core::text::trim(*email));
  if (tidy != *email) call.set(kEmail, pg::Arg::of(tidy));
}

void restrict_update(const pg::TriggerCall& call) {
  constexpr std::array profile = {&kDisplayName, &kAvatarUrl, &kCoverUrl};
  for (int attribute = 1; attribute <= call.attribute_count(); ++attribute) {
    if (!call.is_written(attribute) || !call.changes(attribute)) continue;
    if (std::none_of(profile.begin(), profile.end(),
                     [&](const pg::Column* column) { return call.attribute(*column) == attribute; }))
      pg::fail(
          pg::Code::insufficient_privilege,
          "column \"" + std::string(call.attribute_name(attribute)) + "\" of a profile is not the user's to change",
          "Users change display_name, avatar_url and cover_url.");
  }
}

}  // namespace

ATELIER_FUNCTION(guard_user) {
  pg::TriggerCall call(fcinfo, "users", pg::TriggerTime::before_row);
  if (call.event() == pg::TriggerEvent::insert) call.fill_missing();
  if (call.event() == pg::TriggerEvent::update && call.caller_is_restricted()) restrict_update(call);
  if (call.event() == pg::TriggerEvent::insert || call.changes(kEmail)) tidy_email(call);
  return call.result();
}
