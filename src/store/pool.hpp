// SPDX-License-Identifier: PostgreSQL
// The token pool's rows, for the dispatcher: the active tokens with their secrets and what is known of their health,
// and the way back (counts, errors, cooldowns). The secrets stay in the dispatcher's memory. Called inside a
// transaction, as owner.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pg/datum.hpp"

namespace atelier::store::pool {

struct TokenRow {
  int32_t id;
  std::string secret;
  bool active;
  std::string account;  // empty while unknown
  int64_t cooling_until_us;
  bool kept = false;  // its row was deleted
};
// Every token; inactive ones are still needed to watch what they created, and so are deleted ones for a while.
std::vector<TokenRow> tokens();
// Lets deleted tokens go whose last attempt has ended. Before the tokens are read: one that is deleted in between has
// been kept and stays.
void forget_kept();

// Creating requests of any process since then, oldest first; those without a recorded answer last.
struct Sent {
  int32_t token;
  pg::Timestamp sent_at;
  bool open;  // it may have arrived only just now
};
std::vector<Sent> sent_since(pg::Timestamp since);

// Counts since the last flush.
struct Usage {
  int32_t token;
  int32_t requests;
  int32_t errors;
  std::optional<std::string> last_error;  // without the secret
};
// Adds the counts. Rows that somebody else has locked are left out; returns the ids that were written.
std::vector<int32_t> add_usage(const std::vector<Usage>& usage);

void set_account(int32_t token, const std::string& account);
void set_cooling(const std::vector<int32_t>& tokens, pg::Timestamp until, const std::string& reason);
void deactivate(int32_t token, const std::string& reason);

}  // namespace atelier::store::pool
