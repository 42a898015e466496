// SPDX-License-Identifier: PostgreSQL
// The triggers on workspaces: guard_workspace() keeps slugs in order and lets users write what is theirs to write,
// add_workspace_owner() makes whoever created a workspace its owner.
#include "core/slug.hpp"
#include "core/text.hpp"
#include "pg/entry.hpp"
#include "pg/trigger.hpp"
#include "store/caller.hpp"
#include "store/rights.hpp"
#include "store/wish.hpp"
#include "store/workspaces.hpp"
#include "trigger/allowed.hpp"

using namespace atelier;
using namespace atelier::trigger;

namespace {

constexpr const char* kTable = "workspaces";
constexpr size_t kShownCharacters = 60;

constexpr Oid kText = pg::TypeOf<std::string>::scalar;
constexpr Oid kUuid = pg::TypeOf<core::Uuid>::scalar;
constinit const pg::Column kId{"id", kUuid};
constinit const pg::Column kName{"name", kText};
constinit const pg::Column kSlug{"slug", kText};
constinit const pg::Column kDescription{"description", kText};
constinit const pg::Column kIsActive{"is_active", pg::TypeOf<bool>::scalar};
constinit const pg::Column kCreatedBy{"created_by", kUuid};

void tidy_slug(pg::TriggerCall& call) {
  const auto slug = call.new_value<std::string>(kSlug);
  if (!slug || !is_new(call, kSlug)) return;
  const std::string tidy = pg::lower(core::text::trim(*slug));
  if (!core::is_slug(tidy))
    pg::fail(pg::Code::check_violation,
             "\"" + core::text::one_line(core::text::first_chars(*slug, kShownCharacters)) +
                 "\" is not a slug of a workspace",
             "A slug has 1 to " + std::to_string(core::kSlugCharacters) +
                 " letters in lower case, digits, hyphens and underscores.",
             "translit_slug() makes one from a name.");
  if (tidy != *slug) call.set(kSlug, pg::Arg::of(tidy));
}

void check_name(const pg::TriggerCall& call) {
  const auto name = call.new_value<std::string>(kName);
  if (name && is_new(call, kName) && core::text::trim(*name).empty())
    pg::fail(pg::Code::check_violation, "the name of a workspace is empty");
}

// A workspace that is not active counts as deleted, so that is decided by those who may delete it.
void check_activity(const pg::TriggerCall& call) {
  if (!call.caller_is_restricted() || !call.changes(kIsActive)) return;
  if (!store::rights::owns_workspace(call.old_required<core::Uuid>(kId)) && !store::rights::is_super_admin())
    pg::fail(pg::Code::insufficient_privilege, "a user may not delete or restore this workspace",
             "Its owners and super_admins may.");
}

}  // namespace

ATELIER_FUNCTION(guard_workspace) {
  pg::TriggerCall call(fcinfo, kTable, pg::TriggerTime::before_row);
  if (call.event() == pg::TriggerEvent::insert) {
    allow_insert(call, {"id", "name", "slug", "description"});
    // Who that is says the request, whatever the row says.
    if (call.caller_is_restricted()) call.set(kCreatedBy, pg::Arg::of(store::caller::identity().sub));
  } else if (call.event() == pg::TriggerEvent::update) {
    allow_changes(call, "a workspace", {"name", "slug", "description", "is_active"});
    check_activity(call);
  } else {
    return call.result();
  }
  if (call.caller_is_restricted()) limit_texts(call, {&kName, &kDescription});
  check_name(call);
  tidy_slug(call);
  return call.result();
}

// What is under way in a workspace that is deleted is cancelled; its rows stay with their users.
ATELIER_FUNCTION(end_workspace) {
  pg::TriggerCall call(fcinfo, kTable, pg::TriggerTime::before_row);
  if (call.event() == pg::TriggerEvent::remove) {
    const store::wish::Expressed expressed(store::wish::Wish::cancel);
    store::workspaces::cancel_generations(call.old_required<core::Uuid>(kId));
  }
  return call.result();
}

ATELIER_FUNCTION(add_workspace_owner) {
  pg::TriggerCall call(fcinfo, kTable, pg::TriggerTime::after_row);
  if (call.event() == pg::TriggerEvent::insert)
    if (const auto creator = call.new_value<core::Uuid>(kCreatedBy))
      store::workspaces::add_owner(call.new_required<core::Uuid>(kId), *creator);
  return call.result();
}
