// SPDX-License-Identifier: PostgreSQL
// poll_generations(): what the app asks instead of listening. One JSON document with the changes since the last call.
#include <string>
#include <string_view>

#include "core/poll.hpp"
#include "pg/entry.hpp"
#include "store/caller.hpp"
#include "store/changes.hpp"
#include "store/counts.hpp"
#include "store/dispatch.hpp"
#include "store/identity.hpp"
#include "store/rights.hpp"

using namespace atelier;
using core::poll::Cursor;

namespace {

constexpr int kPage = 100;
// atelier.cleanup_old_generations() forgets deletions after eight days.
constexpr int64_t kOldestCursorS = 7 * 24 * 3600;

// A copy of this database has another place, and so has the database after a failover that may have lost transactions,
// after TRUNCATE, and after the update that brought the trigger which tells of changes.
uint64_t place(const store::changes::Now& now) {
  const store::dispatch::Here here = store::dispatch::here();
  constexpr uint64_t odd = 0x9e3779b97f4a7c15;
  return here.system_identifier ^ (odd * here.database) ^ (odd << 1) * static_cast<uint32_t>(here.timeline) ^
         (odd << 2) * now.file ^ (odd << 3) * static_cast<uint64_t>(store::identity::has_step("counts"));
}

store::counts::Counts counts_of(const store::changes::Scope& scope) {
  return scope.workspace ? store::counts::of_workspace(scope.id, std::nullopt) : store::counts::of_user(scope.id);
}

struct Answer {
  Cursor cursor;
  std::vector<store::changes::Change> changes;
  bool reset = false;
};

// Without a cursor, or with one of another place or scope or one that is too old: the first page of the list, and a
// cursor for what changes from now on.
Answer start(const store::changes::Scope& scope, const Cursor& fresh) {
  Answer answer{fresh, store::changes::newest(scope, kPage), true};
  const store::counts::Counts counts = counts_of(scope);
  answer.cursor.counts = {counts.all, counts.active, counts.favorites, counts.failed};
  return answer;
}

Answer go_on(const store::changes::Scope& scope, const Cursor& fresh, const Cursor& last,
             const store::changes::Now& now) {
  const auto still = [&](const core::poll::Snapshot& seen) {
    return last.start == fresh.start ? seen : core::poll::seen_below(seen, now.start.first);
  };
  const core::poll::Snapshot since = still(last.page ? last.page->since : last.seen);
  const core::poll::Position after = last.page ? last.page->end : core::poll::Position{};
  Answer answer{fresh, store::changes::since(scope, since, after, now, kPage + 1), false};
  // What commits between two pages is told after the last one, and so is what this one could not show: it may come from
  // a standby that is behind, or with an old snapshot.
  if (last.page) {
    answer.cursor.seen = core::poll::seen_by_both(still(last.seen), fresh.seen);
    answer.cursor.issued_s = last.issued_s;
  }
  // As long as nothing changes nothing is counted.
  answer.cursor.counts = last.counts;
  if (!answer.changes.empty()) {
    const store::counts::Counts counts = counts_of(scope);
    answer.cursor.counts = {counts.all, counts.active, counts.favorites, counts.failed};
  }
  if (answer.changes.size() > static_cast<size_t>(kPage)) {
    answer.changes.pop_back();
    answer.cursor.page = Cursor::Page{since, answer.changes.back().at};
  }
  return answer;
}

std::string print(const Answer& answer, int next_poll_ms) {
  std::string changed, deleted;
  for (const store::changes::Change& change : answer.changes) {
    if (change.row)
      changed += (changed.empty() ? "" : ",") + *change.row;
    else
      deleted += (deleted.empty() ? "\"" : ",\"") + core::to_string(change.at.id) + "\"";
  }
  const auto& counts = answer.cursor.counts;
  return "{\"cursor\":\"" + core::poll::print(answer.cursor) + "\",\"next_poll_ms\":" + std::to_string(next_poll_ms) +
         ",\"counts\":{\"all_count\":" + std::to_string(counts[0]) +
         ",\"processing_count\":" + std::to_string(counts[1]) + ",\"favorites_count\":" + std::to_string(counts[2]) +
         ",\"failed_count\":" + std::to_string(counts[3]) + "},\"changed\":[" + changed + "],\"deleted\":[" + deleted +
         "],\"more\":" + (answer.cursor.page ? "true" : "false") + ",\"reset\":" + (answer.reset ? "true" : "false") +
         "}";
}

core::Uuid signed_in_user() {
  const std::optional<core::Uuid> user = store::caller::identity().sub;
  if (!user || !store::rights::is_active_user())
    pg::fail(pg::Code::insufficient_privilege, "only active users may poll their generations",
             "Nobody is signed in, or the user has no profile, or it is deactivated.");
  return *user;
}

bool is_background(const std::optional<std::string>& context) {
  if (context == "background") return true;
  if (context && context != "foreground")
    pg::fail(pg::Code::invalid_parameter_value, "p_context must be foreground or background");
  return false;
}

std::optional<std::string> text_argument(FunctionCallInfo fcinfo, int place) {
  if (PG_ARGISNULL(place)) return std::nullopt;
  return pg::to_cpp<std::string>(PG_GETARG_DATUM(place));
}

}  // namespace

// poll_generations(cursor, context, workspace), each of which may be null: json. For signed-in users, about their own
// generations or, as members, about those of a workspace; raises 42501 for others, 22023 for a malformed cursor.
ATELIER_FUNCTION(poll_generations) {
  const std::optional<std::string> given = text_argument(fcinfo, 0);
  const bool background = is_background(text_argument(fcinfo, 1));
  const core::Uuid user = signed_in_user();
  store::changes::Scope scope{user, false};
  if (!PG_ARGISNULL(2)) {
    scope = {pg::to_cpp<core::Uuid>(PG_GETARG_DATUM(2)), true};
    if (!store::rights::is_workspace_member(scope.id))
      pg::fail(pg::Code::insufficient_privilege, "only members may poll the generations of a workspace");
  }
  const std::optional<Cursor> last = given ? core::poll::parse_cursor(*given) : std::nullopt;
  if (given && !last)
    pg::fail(pg::Code::invalid_parameter_value, "malformed cursor", {},
             "Pass back the cursor of the last answer, or null to start anew.");

  store::identity::use_app_schema();
  const store::changes::Now now = store::changes::now();
  Cursor fresh;
  fresh.place = place(now);
  // A standby has only what is on the primary's disk.
  fresh.start = now.standby && last ? last->start : now.start.number;
  fresh.workspace = scope.workspace;
  fresh.scope = scope.id;
  fresh.issued_s = pg::now().us / 1'000'000;
  fresh.seen = core::poll::seen_at(now.snapshot, now.own, now.standby);
  const bool fits = last && last->place == fresh.place && last->workspace == fresh.workspace &&
                    last->scope == fresh.scope && last->issued_s > fresh.issued_s - kOldestCursorS;
  const Answer answer = fits ? go_on(scope, fresh, *last, now) : start(scope, fresh);
  const bool active = scope.workspace ? store::changes::has_active(user) : answer.cursor.counts[1] > 0;
  return pg::to_datum(std::string_view(print(answer, core::poll::next_poll_ms(background, active))));
}
