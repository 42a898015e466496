// SPDX-License-Identifier: PostgreSQL
// How creating requests follow one another, requests that are out, and what is known of a former process.
#include <gtest/gtest.h>

#include <algorithm>

#include "unit/token_pool.hpp"

namespace atelier::core {
namespace {

using namespace token_pool_test;

constexpr PoolLimits kPaced{600, 0, 30, 0, 60'000'000};

TEST(CoreTokenPoolPace, ABurstThenEvenly) {
  TokenPool pool(kPaced);
  pool.set_tokens({token(1, "a"), token(2, "a")});
  EXPECT_EQ(sends(pool, kT), 30);
  EXPECT_EQ(pool.next_ready_at(kT), s(0.1));
  EXPECT_EQ(sends(pool, s(0.1)), 1);
  EXPECT_EQ(sends(pool, s(1.1)), 10);
}

TEST(CoreTokenPoolPace, WhatIsGivenBackIsNotUsed) {
  TokenPool pool(kPaced);
  pool.set_tokens({token(1)});
  for (int i = 0; i < 100; ++i) {
    const auto id = pool.choose(kT);
    ASSERT_TRUE(id) << i;
    pool.give_back(*id);
  }
  EXPECT_EQ(sends(pool, kT), 30);
}

// Whatever the answers take, no minute at the provider holds more than the limit, and none in which there is work much
// less.
TEST(CoreTokenPoolPace, EveryMinuteIsWellUsedAndNeverTooMuch) {
  TokenPool pool({60, 0, 3, 0, 6'000'000});
  pool.set_tokens({token(1, "a"), token(2, "a")});
  std::vector<int64_t> arrivals;
  std::vector<std::pair<int64_t, int32_t>> out;
  uint32_t noise = 1;
  for (int64_t now_us = kT; now_us < s(60); now_us += 1'000) {
    for (size_t i = 0; i < out.size();) {
      if (out[i].first > now_us) {
        ++i;
        continue;
      }
      pool.note_sent(out[i].second, now_us);
      out.erase(out.begin() + static_cast<std::ptrdiff_t>(i));
    }
    while (const auto id = pool.choose(now_us)) {
      noise = noise * 1'664'525 + 1'013'904'223;
      const int64_t latency_us = 1'000 + (noise >> 16) % 40'000;
      out.emplace_back(now_us + latency_us, *id);
      arrivals.push_back(now_us + latency_us / 2);
    }
  }
  std::sort(arrivals.begin(), arrivals.end());
  for (int64_t from_us = kT; from_us + 6'000'000 < s(60); from_us += 10'000) {
    const auto first = std::lower_bound(arrivals.begin(), arrivals.end(), from_us);
    const auto behind = std::lower_bound(arrivals.begin(), arrivals.end(), from_us + 6'000'000);
    ASSERT_LE(behind - first, 60) << from_us - kT;
    if (from_us >= s(0.1)) ASSERT_GE(behind - first, 54) << from_us - kT;
  }
}

TEST(CoreTokenPoolPace, AFormerProcessIsRemembered) {
  TokenPool pool({60, 60, 3, 0, 6'000'000});
  pool.set_tokens({token(1, "a"), token(2, "a"), token(3, "b")});
  for (int i = 0; i < 60; ++i) pool.remember(1 + i % 2, s(-5.9 + 0.1 * i), kT);
  pool.remember(1, s(-7), kT);
  EXPECT_EQ(pool.choose(kT), 3) << "only the other account has anything left";
  pool.give_back(3);
  EXPECT_EQ(sends(pool, kT), 3);
  EXPECT_EQ(pool.next_ready_at(s(0.01)), s(0.1));
  EXPECT_EQ(sends(pool, s(0.1)), 2) << "one of each account: the oldest is six seconds old";
  pool.assume_requests(1, kT);
  EXPECT_FALSE(pool.take_request(2, kT));
  EXPECT_EQ(requests(pool, 2, s(0.5)), 5);
}

TEST(CoreTokenPoolPace, WhatIsOutCountsUntilItIsAnswered) {
  TokenPool pool({0, 2, 0, 0, 60'000'000});
  pool.set_tokens({token(1)});
  ASSERT_TRUE(pool.begin_request(1, TokenPool::Use::other, kT));
  ASSERT_TRUE(pool.begin_request(1, TokenPool::Use::other, kT));
  EXPECT_FALSE(pool.begin_request(1, TokenPool::Use::other, s(61)));
  EXPECT_GT(pool.request_ready_at(1, s(61)), s(61));
  pool.end_request(1, s(100));
  EXPECT_FALSE(pool.begin_request(1, TokenPool::Use::other, s(159)));
  EXPECT_TRUE(pool.begin_request(1, TokenPool::Use::other, s(160)));
  pool.set_tokens({});
  pool.end_request(1, s(161));
}

// Two processes, one after the other, and no minute with more than the limit.
TEST(CoreTokenPoolPace, ANewProcessAssumesTheWorst) {
  constexpr PoolLimits kLimits{0, 100, 0, 5, 60'000'000};
  std::vector<int64_t> sent;
  const auto run = [&](TokenPool& pool, double from, double to) {
    for (int64_t now_us = s(from); now_us < s(to); now_us += 50'000)
      while (pool.take_request(1, now_us)) sent.push_back(now_us);
  };
  TokenPool first(kLimits), second(kLimits);
  first.set_tokens({token(1)});
  second.set_tokens({token(1)});
  run(first, 0, 1);
  run(first, 70, 101);
  second.assume_requests(1, s(101));
  run(second, 101, 300);
  ASSERT_GT(sent.size(), 300U);
  for (size_t i = 100; i < sent.size(); ++i) ASSERT_GE(sent[i] - sent[i - 100], 60'000'000) << i;
}

TEST(CoreTokenPoolPace, WhatWasRepeatedCountsTwice) {
  TokenPool pool({0, 4, 0, 0, 60'000'000});
  pool.set_tokens({token(1)});
  ASSERT_TRUE(pool.begin_request(1, TokenPool::Use::other, kT));
  pool.end_request(1, kT, 1);
  EXPECT_EQ(requests(pool, 1, kT), 2);
}

TEST(CoreTokenPoolPace, LooksLeaveRoomForCancels) {
  TokenPool pool({0, 100, 0, 0, 60'000'000});
  pool.set_tokens({token(1)});
  int looks = 0;
  for (; pool.begin_request(1, TokenPool::Use::look, kT); ++looks) pool.end_request(1, kT);
  EXPECT_EQ(looks, 90);
  EXPECT_EQ(pool.request_ready_at(1, kT, TokenPool::Use::look), s(60));
  EXPECT_EQ(pool.request_ready_at(1, kT), kT);
  EXPECT_EQ(requests(pool, 1, kT), 10);
}

}  // namespace
}  // namespace atelier::core
