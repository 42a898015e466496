// SPDX-License-Identifier: PostgreSQL
// The triggers on replicate_tokens: guard_token() lets in only what can be sent in a header, tokens_changed() tells the
// dispatcher. No message ever contains a token.
#include <algorithm>
#include <string>

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

}  // namespace

ATELIER_FUNCTION(guard_token) {
  pg::TriggerCall call(fcinfo, kTable, pg::TriggerTime::before_row);
  if (call.event() == pg::TriggerEvent::insert || call.event() == pg::TriggerEvent::update) {
    call.fill_missing();
    check_row(call);
  }
  return call.result();
}

ATELIER_FUNCTION(tokens_changed) {
  const pg::TriggerCall call(fcinfo, kTable, pg::TriggerTime::after_statement);
  pg::note_tokens_changed_at_commit();
  return (Datum)0;
}
