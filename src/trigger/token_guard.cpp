// SPDX-License-Identifier: PostgreSQL
// The triggers on replicate_tokens: guard_token() lets in only what can be sent in a header, keep_token() keeps a
// deleted token for what runs with it, tokens_changed() tells the dispatcher. No message ever contains a token.
#include <algorithm>
#include <string>
#include <vector>

#include "pg/entry.hpp"
#include "pg/shmem.hpp"
#include "pg/trigger.hpp"
#include "store/tokens.hpp"

using namespace atelier;

namespace {

constexpr const char* kTable = "replicate_tokens";
constexpr size_t kLongestToken = 200;
constinit const pg::Column kId{"id", pg::TypeOf<int32_t>::scalar};
constinit const pg::Column kToken{"token", pg::TypeOf<std::string>::scalar};

[[noreturn]] void refuse(const std::string& what) {
  pg::fail(pg::Code::invalid_parameter_value, "token " + what, {}, "Copy the token again, without what surrounds it.");
}

void check(const std::string& token) {
  if (token.empty()) refuse("is empty");
  if (token.size() > kLongestToken) refuse("is longer than " + std::to_string(kLongestToken) + " bytes");
  if (!std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c <= '~'; }))
    refuse("contains a space, a line break or another character that no token has");
}

// The server's own messages about a duplicate or a null would show the row, and the token with it.
void check_row(const pg::TriggerCall& call) {
  if (const std::string_view column = call.forbidden_null(); !column.empty())
    pg::fail(pg::Code::not_null_violation,
             "null value in column \"" + std::string(column) + "\" of relation \"replicate_tokens\"");
  const std::string token = call.new_required<std::string>(kToken);
  check(token);
  const bool changes = call.event() == pg::TriggerEvent::insert || call.changes(kToken);
  if (changes && store::tokens::exists(token, call.new_required<int32_t>(kId)))
    pg::fail(pg::Code::unique_violation, "this token is in the pool already");
}

bool dispatcher_runs() {
  const std::vector<pg::WorkerRow> rows = pg::worker_rows(MyDatabaseId);
  return std::any_of(rows.begin(), rows.end(),
                     [](const pg::WorkerRow& row) { return row.kind == pg::WorkerKind::dispatcher; });
}

}  // namespace

ATELIER_FUNCTION(guard_token) {
  pg::TriggerCall call(fcinfo, kTable, pg::TriggerTime::before_row);
  if (call.event() == pg::TriggerEvent::insert || call.event() == pg::TriggerEvent::update) {
    call.fill_missing();
    check_row(call);
  }
  return call.result();
}

// Before the row goes, and with it what is known of its account.
ATELIER_FUNCTION(keep_token) {
  pg::TriggerCall call(fcinfo, kTable, pg::TriggerTime::before_row);
  if (call.event() == pg::TriggerEvent::remove)
    store::tokens::keep(call.old_required<int32_t>(kId), call.old_required<std::string>(kToken), dispatcher_runs());
  return call.result();
}

ATELIER_FUNCTION(tokens_changed) {
  const pg::TriggerCall call(fcinfo, kTable, pg::TriggerTime::after_statement);
  pg::note_tokens_changed_at_commit();
  return (Datum)0;
}
