// SPDX-License-Identifier: PostgreSQL
// Handing out a provider token to the app: from the ring in shared memory, or by SQL where there is none. The
// dispatcher chooses its tokens itself (store/pool.hpp). Runs as the owner; who may call is decided by the grant on the
// SQL function.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace atelier::store::tokens {

struct Token {
  int32_t id;
  std::string secret;
};

// Takes the active token that was used least recently (never used first, then by fewest requests) and counts the use.
// Tokens that cool down are passed over. Rows that others hold are passed over too, unless these are all there are:
// then it waits for one. Nothing when no token is usable.
std::optional<Token> take_next();

// Writes what was taken from the ring since the last time into the table; rows that others hold wait for the next time.
// Returns how many uses were written. For the keeper and flush_tokens().
int64_t flush();

// Whether another row than `id` has this token.
bool exists(const std::string& token, int32_t id);

// Keeps the secret of a token whose row is being deleted, for the predictions that run with it: when there are any, or
// a dispatcher that may be sending one right now. store/pool.hpp lets it go.
void keep(int32_t id, const std::string& token, bool dispatcher_runs);

}  // namespace atelier::store::tokens
