// SPDX-License-Identifier: PostgreSQL
#include "core/retry.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace atelier::core {
namespace {

constexpr double kAlmostOne = 0.999999999;

TEST(CoreRetry, TheCeilingDoublesFromTheBaseToTheCap) {
  const int64_t seconds[] = {1, 2, 4, 8, 16, 32, 60, 60};
  for (int tries = 0; tries < 8; ++tries) {
    EXPECT_NEAR(static_cast<double>(backoff_us(tries, kAlmostOne)), static_cast<double>(seconds[tries] * kSecondUs),
                1.0)
        << tries;
    EXPECT_EQ(backoff_us(tries, 0.5), seconds[tries] * kSecondUs / 2) << tries;
  }
}

TEST(CoreRetry, FullJitterBeginsAtZero) {
  for (const int tries : {0, 3, 100}) EXPECT_EQ(backoff_us(tries, 0.0), 0);
}

TEST(CoreRetry, ManyTriesNeverOverflow) {
  for (const int tries : {62, 63, 64, 1'000'000, std::numeric_limits<int>::max()})
    EXPECT_EQ(backoff_us(tries, 0.5), kMinuteUs / 2) << tries;
  EXPECT_EQ(backoff_us(std::numeric_limits<int>::min(), 0.5), kSecondUs / 2);
  constexpr int64_t kMost = int64_t{1} << 52;
  EXPECT_EQ(backoff_us(1'000, 0.5, {1, kMost}), kMost / 2);
}

TEST(CoreRetry, BaseAndCapAreGiven) {
  EXPECT_EQ(backoff_us(0, 0.5, {500, 4'000}), 250);
  EXPECT_EQ(backoff_us(2, 0.5, {500, 4'000}), 1'000);
  EXPECT_EQ(backoff_us(9, 0.5, {500, 4'000}), 2'000);
  EXPECT_EQ(backoff_us(0, 0.5, {9'000, 4'000}), 2'000);
  EXPECT_EQ(backoff_us(9, 0.5, {0, 4'000}), 0);
  EXPECT_EQ(backoff_us(9, 0.5, {-1, -1}), 0);
}

TEST(CoreRetry, ARandomNumberThatIsNoneMakesNoDelayOfYears) {
  EXPECT_EQ(backoff_us(0, std::nan("")), kSecondUs / 2);
  EXPECT_EQ(backoff_us(0, std::numeric_limits<double>::infinity()), kSecondUs / 2);
  EXPECT_EQ(backoff_us(0, 1e300), kSecondUs);
  EXPECT_EQ(backoff_us(0, -1e300), 0);
}

int64_t poll_s(int64_t elapsed_s, bool video, int64_t first_s = 1) {
  return poll_delay_us(elapsed_s * kSecondUs, video, first_s * kSecondUs, 0.5) / kSecondUs;
}

TEST(CoreRetry, PollsGrowRarer) {
  for (const bool video : {false, true}) {
    EXPECT_EQ(poll_s(0, video), 1);
    EXPECT_EQ(poll_s(1, video), 2);
    EXPECT_EQ(poll_s(2, video), 2);
    EXPECT_EQ(poll_s(3, video), 3);
    EXPECT_EQ(poll_s(5, video), 3);
    EXPECT_EQ(poll_s(6, video), 5);
    EXPECT_EQ(poll_s(59, video), 5);
    EXPECT_EQ(poll_s(60, video), 10);
  }
}

TEST(CoreRetry, VideosAreLookedAtLessOften) {
  EXPECT_EQ(poll_s(120, false), 10);
  EXPECT_EQ(poll_s(86'400, false), 10);
  EXPECT_EQ(poll_s(119, true), 10);
  EXPECT_EQ(poll_s(120, true), 15);
  EXPECT_EQ(poll_s(299, true), 15);
  EXPECT_EQ(poll_s(300, true), 30);
  EXPECT_EQ(poll_s(86'400, true), 30);
}

TEST(CoreRetry, PollsAreCountedInUnitsOfTheFirst) {
  EXPECT_EQ(poll_delay_us(0, false, 100'000, 0.5), 100'000);
  EXPECT_EQ(poll_delay_us(100'000, false, 100'000, 0.5), 200'000);
  EXPECT_EQ(poll_delay_us(600'000, false, 100'000, 0.5), 500'000);
  EXPECT_EQ(poll_delay_us(6'000'000, false, 100'000, 0.5), 1'000'000);
}

TEST(CoreRetry, TheCapHoldsForEverySetting) {
  EXPECT_EQ(poll_s(0, false, 8), 8);
  EXPECT_EQ(poll_s(8, false, 8), 10);
  EXPECT_EQ(poll_s(0, false, 3'600), 10);
  EXPECT_EQ(poll_s(0, true, 3'600), 30);
  EXPECT_EQ(poll_s(20, true, 20), 30);
}

TEST(CoreRetry, PollsAreSpreadByATenth) {
  EXPECT_EQ(poll_delay_us(0, false, kSecondUs, 0.0), 900'000);
  EXPECT_NEAR(static_cast<double>(poll_delay_us(0, false, kSecondUs, kAlmostOne)), 1'100'000.0, 1.0);
}

TEST(CoreRetry, OddPollArgumentsGiveADelayAllTheSame) {
  EXPECT_EQ(poll_delay_us(-5 * kSecondUs, false, kSecondUs, 0.5), kSecondUs);
  EXPECT_EQ(poll_delay_us(std::numeric_limits<int64_t>::max(), true, kSecondUs, 0.5), 30 * kSecondUs);
  EXPECT_GE(poll_delay_us(0, false, 0, 0.5), 0);
  EXPECT_GE(poll_delay_us(0, false, -1, 0.5), 0);
  EXPECT_EQ(poll_delay_us(0, false, kSecondUs, std::nan("")), kSecondUs);
}

TEST(CoreRetry, SearchesForALostRequest) {
  EXPECT_EQ(search_delay_us(0), 5 * kSecondUs);
  EXPECT_EQ(search_delay_us(1), 20 * kSecondUs);
  EXPECT_EQ(search_delay_us(2), 60 * kSecondUs);
  EXPECT_EQ(search_delay_us(3), 120 * kSecondUs);
  EXPECT_EQ(search_delay_us(4), std::nullopt);
  EXPECT_EQ(search_delay_us(std::numeric_limits<int>::max()), std::nullopt);
  EXPECT_EQ(search_delay_us(-1), 5 * kSecondUs);
}

}  // namespace
}  // namespace atelier::core
