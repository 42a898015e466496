// SPDX-License-Identifier: PostgreSQL
// The active tokens of a database in shared memory, as ids in the order of their use: callers take turns by a counter,
// without a lock on a row and without writing anything. What they used is collected here until somebody flushes it into
// the table. Exists under preload only. It holds no secret. Used by store/tokens.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "pg/postgres.hpp"

namespace atelier::pg {

// Under preload: how much shared memory it needs.
size_t reserve_token_rings();

struct RingToken {
  int32_t id;
  int64_t cooling_until_us;
  int64_t last_used_us;  // 0: never
  int32_t requests;      // so far, by the table
};

struct TokenUse {
  int32_t id;
  int32_t requests;
  int64_t last_used_us;
};

// Whether the ring of the calling database can be used at all: with preload, and while a keeper lives that flushes it.
bool has_token_ring();
// Whether it holds the tokens as they were at this version of the table.
bool is_ring_at(uint64_t version);
// Fills it. More tokens than it has places for leave it empty. Uses that wait to be flushed stay.
void load_ring(uint64_t version, std::vector<RingToken> tokens);

// The next token that does not cool down, counted as used at `now_us`; nullopt when there is none.
std::optional<int32_t> next_in_ring(int64_t now_us);
// The token was not used after all.
void undo_use(int32_t id);

// Takes what was used since the last time; what cannot be written goes back.
std::vector<TokenUse> take_uses();
void return_uses(const std::vector<TokenUse>& uses);
// Whether something waits to be flushed.
bool has_uses();

}  // namespace atelier::pg
