// SPDX-License-Identifier: PostgreSQL
// How long the provider asks us to wait, in all the forms in which it says so, and the two time formats it uses. Called
// by outcome.hpp and response.hpp. The current time is an argument.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "replicate/response.hpp"

namespace atelier::replicate {

// The waiting time in microseconds, from the first of these that is there: header Retry-After (seconds or HTTP date),
// body retry_after, "resets in ~Ns" or "available in N second" in the text, header ratelimit-reset. Never negative, at
// most one hour. nullopt when nothing is said.
std::optional<int64_t> requested_wait_us(const Answer& answer, const Problem& problem, int64_t now_us);

// Microseconds since the Unix epoch; nullopt for anything that is no such time.
std::optional<int64_t> parse_http_date(std::string_view text) noexcept;  // Sun, 06 Nov 1994 08:49:37 GMT
std::optional<int64_t> parse_rfc3339(
    std::string_view text) noexcept;  // 2026-11-22T10:00:00.123Z, any digits, any offset

}  // namespace atelier::replicate
