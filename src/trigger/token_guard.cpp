// SPDX-License-Identifier: PostgreSQL
// The triggers on replicate_tokens: guard_token() lets in only what can be sent in a header, tokens_changed() tells the
// dispatcher. No message ever contains a token.
#include <algorithm>
#include <string>

#include "pg/entry.hpp"
#include "pg/shmem.hpp"
#include "pg/trigger.hpp"

using namespace atelier;

namespace {

constexpr const char* kTable = "replicate_tokens";
constexpr size_t kLongestToken = 200;
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

}  // namespace

ATELIER_FUNCTION(guard_token) {
  pg::TriggerCall call(fcinfo, kTable, pg::TriggerTime::before_row);
  if (call.event() == pg::TriggerEvent::insert) call.fill_missing();
  if (call.event() == pg::TriggerEvent::insert || call.event() == pg::TriggerEvent::update)
    if (const auto token = call.new_value<std::string>(kToken)) check(*token);
  return call.result();
}

ATELIER_FUNCTION(tokens_changed) {
  const pg::TriggerCall call(fcinfo, kTable, pg::TriggerTime::after_statement);
  pg::note_tokens_changed_at_commit();
  return (Datum)0;
}
