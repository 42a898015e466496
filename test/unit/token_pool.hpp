// SPDX-License-Identifier: PostgreSQL
// Short words for the tests of core::TokenPool. Its times are arguments, so a minute takes no time there: kT is some
// moment, s() is so many seconds after it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/token_pool.hpp"

namespace atelier::core::token_pool_test {

using Ids = std::vector<int32_t>;
constexpr auto kNone = std::nullopt;
constexpr int64_t kT = 1'700'000'000'000'000;
constexpr int64_t s(double seconds) { return kT + static_cast<int64_t>(seconds * 1e6); }

inline PoolToken token(int32_t id, std::string account = {}, bool active = true, int64_t cooling_until_us = 0) {
  return {id, std::move(account), active, cooling_until_us};
}

// Chooses and sends at once.
inline std::optional<int32_t> send(TokenPool& pool, int64_t now_us, const std::string& avoid = {}) {
  const auto id = pool.choose(now_us, avoid);
  if (id) pool.note_sent(*id, now_us);
  return id;
}

inline int sends(TokenPool& pool, int64_t now_us, int most = 1'000'000) {
  int sent = 0;
  while (sent < most && send(pool, now_us)) ++sent;
  return sent;
}

inline int requests(TokenPool& pool, int32_t id, int64_t now_us) {
  int taken = 0;
  while (pool.take_request(id, now_us)) ++taken;
  return taken;
}

}  // namespace atelier::core::token_pool_test
