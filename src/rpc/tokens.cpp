// SPDX-License-Identifier: PostgreSQL
// The token pool for the app: get_next_replicate_token(), and flush_tokens().
#include "store/tokens.hpp"
#include "pg/entry.hpp"
#include "pg/result_set.hpp"
#include "store/identity.hpp"

using namespace atelier;

// get_next_replicate_token(): one row (id, token), or none when no token is usable. For service_role, by its grant.
ATELIER_FUNCTION(get_next_replicate_token) {
  pg::ResultSet result(fcinfo);
  store::identity::use_app_schema();
  if (const auto token = store::tokens::take_next()) result.add({pg::Arg::of(token->id), pg::Arg::of(token->secret)});
  return 0;
}

// next_replicate_token(): the same as one value, whose columns are null when no token is usable.
ATELIER_FUNCTION(next_replicate_token) {
  store::identity::use_app_schema();
  const auto token = store::tokens::take_next();
  if (!token) return pg::composite(fcinfo, {pg::Arg{}, pg::Arg{}});
  return pg::composite(fcinfo, {pg::Arg::of(token->id), pg::Arg::of(token->secret)});
}

// flush_tokens(): writes the counts of tokens that were handed out; returns how many. For the owner.
ATELIER_FUNCTION(flush_tokens) {
  store::identity::use_app_schema();
  return pg::to_datum(store::tokens::flush());
}
