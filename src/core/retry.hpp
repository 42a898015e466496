// SPDX-License-Identifier: PostgreSQL
// When to try again and when to look again. Pure arithmetic for the dispatcher: random numbers and times are arguments,
// in microseconds. What may be tried again at all is decided in replicate/outcome.hpp.
#pragma once

#include <cstdint>
#include <optional>

namespace atelier::core {

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kMinuteUs = 60 * kSecondUs;

struct Backoff {
  int64_t base_us = kSecondUs;
  int64_t cap_us = kMinuteUs;
};

// Full jitter: random x min(cap, base x 2^tries). `tries` counts the failures so far, from 0; `random` is in [0, 1).
int64_t backoff_us(int tries, double random, Backoff backoff = {}) noexcept;

// How long to wait before the next look at a prediction that was created `elapsed_us` ago: in units of `first_us` (the
// setting poll_interval) 1, 2, 3, then 5, then 10, and for videos up to 30; never more than 10 s, or 30 s for videos.
// `random` in [0, 1) spreads the delay by a tenth to either side, so that rows made together are not polled together.
int64_t poll_delay_us(int64_t elapsed_us, bool video, int64_t first_us, double random) noexcept;

// When the provider's list is searched for a request whose answer was lost, counted from its sending: 5, 20, 60 and 120
// s. `searches` is how many have been answered; nullopt after the last one, when the request counts as never arrived.
std::optional<int64_t> search_delay_us(int searches) noexcept;

}  // namespace atelier::core
