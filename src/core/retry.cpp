// SPDX-License-Identifier: PostgreSQL
#include "core/retry.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace atelier::core {
namespace {

// A random number that is no number, or out of range, must not become a delay of years.
double fraction(double random) noexcept { return std::isfinite(random) ? std::clamp(random, 0.0, 1.0) : 0.5; }

struct Step {
  int64_t until;  // elapsed time in units of the first delay; negative: always
  int64_t delay;  // in the same units
};

constexpr std::array<Step, 5> kImageSteps{{{1, 1}, {3, 2}, {6, 3}, {60, 5}, {-1, 10}}};
constexpr std::array<Step, 7> kVideoSteps{{{1, 1}, {3, 2}, {6, 3}, {60, 5}, {120, 10}, {300, 15}, {-1, 30}}};
constexpr int64_t kImageCapUs = 10 * kSecondUs;
constexpr int64_t kVideoCapUs = 30 * kSecondUs;

template <typename Steps>
int64_t units_at(const Steps& steps, int64_t elapsed) noexcept {
  for (const Step& step : steps) {
    if (step.until < 0 || elapsed < step.until) return step.delay;
  }
  return 1;
}

}  // namespace

int64_t backoff_us(int tries, double random, Backoff backoff) noexcept {
  const int64_t cap = std::max<int64_t>(backoff.cap_us, 0);
  int64_t ceiling = std::clamp<int64_t>(backoff.base_us, 0, cap);
  for (int i = 0; i < tries && ceiling > 0 && ceiling < cap; ++i) ceiling = ceiling > cap / 2 ? cap : ceiling * 2;
  return static_cast<int64_t>(fraction(random) * static_cast<double>(ceiling));
}

int64_t poll_delay_us(int64_t elapsed_us, bool video, int64_t first_us, double random) noexcept {
  const int64_t cap = video ? kVideoCapUs : kImageCapUs;
  const int64_t unit = std::clamp<int64_t>(first_us, 1, cap);
  const int64_t elapsed = std::max<int64_t>(elapsed_us, 0) / unit;
  const int64_t units = video ? units_at(kVideoSteps, elapsed) : units_at(kImageSteps, elapsed);
  const double delay = static_cast<double>(std::min(unit * units, cap));
  return static_cast<int64_t>(delay * (0.9 + 0.2 * fraction(random)));
}

std::optional<int64_t> search_delay_us(int searches) noexcept {
  static constexpr std::array<int64_t, 4> kDelays{5 * kSecondUs, 20 * kSecondUs, 60 * kSecondUs, 120 * kSecondUs};
  if (searches < 0) return kDelays[0];
  if (static_cast<size_t>(searches) >= kDelays.size()) return std::nullopt;
  return kDelays[static_cast<size_t>(searches)];
}

}  // namespace atelier::core
