// SPDX-License-Identifier: PostgreSQL
// How many requests an account may send in a minute.
#include <gtest/gtest.h>

#include <random>

#include "unit/token_pool.hpp"

namespace atelier::core {
namespace {

using namespace token_pool_test;

TEST(CoreTokenPoolLimits, CreatesOfAnAccountAreLimited) {
  TokenPool pool({3, 0});
  pool.set_tokens({token(1, "a"), token(2, "a"), token(3, "b")});
  EXPECT_EQ(sends(pool, kT), 6);
  EXPECT_EQ(pool.choose(s(59.999999)), kNone);
  EXPECT_EQ(pool.next_ready_at(s(1)), s(60));
  EXPECT_EQ(sends(pool, s(60)), 6);
}

TEST(CoreTokenPoolLimits, TheMinuteSlides) {
  TokenPool pool({3, 0});
  pool.set_tokens({token(1)});
  for (const double at : {0.0, 10.0, 50.0}) EXPECT_EQ(send(pool, s(at)), 1);
  EXPECT_EQ(pool.choose(s(59)), kNone);
  EXPECT_EQ(pool.next_ready_at(s(59)), s(60));
  EXPECT_EQ(sends(pool, s(60)), 1);
  EXPECT_EQ(pool.next_ready_at(s(60)), s(70));
  EXPECT_EQ(sends(pool, s(109.999999)), 1);
  EXPECT_EQ(sends(pool, s(110)), 1);
}

TEST(CoreTokenPoolLimits, ReservedCreatesCount) {
  TokenPool pool({3, 0});
  pool.set_tokens({token(1, "a"), token(2, "a")});
  EXPECT_EQ(send(pool, kT), 1);
  EXPECT_EQ(pool.choose(s(1)), 2);
  EXPECT_EQ(pool.choose(s(1)), 1);
  EXPECT_EQ(pool.choose(s(1)), kNone);
  // The first is a minute old then; the reserved ones keep their places.
  EXPECT_EQ(pool.next_ready_at(s(1)), s(60));
  EXPECT_EQ(pool.choose(s(60)), 2);
  EXPECT_EQ(pool.choose(s(60)), kNone);
  EXPECT_EQ(pool.next_ready_at(s(60)), kNone);
  pool.give_back(1);
  EXPECT_EQ(pool.next_ready_at(s(60)), s(60));
  pool.note_sent(2, s(60));
  pool.note_sent(2, s(61));
  EXPECT_EQ(pool.choose(s(61)), 1);
  EXPECT_EQ(pool.choose(s(119)), kNone);
}

TEST(CoreTokenPoolLimits, GivingBackTooOftenMakesNoRoom) {
  TokenPool pool({1, 0});
  pool.set_tokens({token(1)});
  for (int i = 0; i < 3; ++i) pool.give_back(1);
  EXPECT_EQ(sends(pool, kT), 1);
}

TEST(CoreTokenPoolLimits, TheLimitHoldsInEveryWindow) {
  std::mt19937 random(7);
  constexpr int kLimit = 20;
  TokenPool pool({kLimit, 0});
  pool.set_tokens({token(1, "a"), token(2, "a"), token(3, "a")});
  std::vector<int64_t> sent;
  Ids reserved;
  int64_t now_us = kT;
  for (int step = 0; step < 50'000; ++step) {
    now_us += static_cast<int64_t>(random() % 1'000'000);
    if (const auto id = random() % 2 ? pool.choose(now_us) : kNone) reserved.push_back(*id);
    if (reserved.empty() || random() % 3 == 0) continue;
    if (random() % 4 == 0) {
      pool.give_back(reserved.back());
    } else {
      pool.note_sent(reserved.back(), now_us);
      sent.push_back(now_us);
    }
    reserved.pop_back();
  }
  ASSERT_GT(sent.size(), 5'000U);
  for (size_t i = kLimit; i < sent.size(); ++i) ASSERT_GE(sent[i] - sent[i - kLimit], 60'000'000) << i;
}

TEST(CoreTokenPoolLimits, NoLimitAtAll) {
  TokenPool pool({0, 0});
  pool.set_tokens({token(1)});
  EXPECT_EQ(sends(pool, kT, 100'000), 100'000);
  for (int i = 0; i < 100'000; ++i) ASSERT_TRUE(pool.take_request(1, kT));
  EXPECT_EQ(pool.next_ready_at(kT), kT);
  EXPECT_EQ(pool.request_ready_at(1, kT), kT);
  // Nothing was recorded, but for the six creates that low credit would ask for.
  pool.set_limits({50, 5});
  EXPECT_EQ(sends(pool, kT), 50 - 6);
  EXPECT_EQ(requests(pool, 1, kT), 5);
}

TEST(CoreTokenPoolLimits, LimitsCanChange) {
  TokenPool pool({2, 2});
  pool.set_tokens({token(1)});
  EXPECT_EQ(sends(pool, kT), 2);
  EXPECT_EQ(requests(pool, 1, kT), 2);
  pool.set_limits({5, 5});
  EXPECT_EQ(sends(pool, s(1)), 3);
  EXPECT_EQ(requests(pool, 1, s(1)), 3);
  pool.set_limits({1, 1});
  EXPECT_EQ(pool.next_ready_at(s(2)), s(61));
  EXPECT_EQ(pool.request_ready_at(1, s(2)), s(61));
  pool.set_limits({0, 0});
  EXPECT_EQ(pool.next_ready_at(s(2)), s(2));
  EXPECT_EQ(pool.request_ready_at(1, s(2)), s(2));
}

TEST(CoreTokenPoolLimits, OtherRequestsHaveALimitOfTheirOwn) {
  TokenPool pool({1, 2});
  pool.set_tokens({token(1, "a"), token(2, "a"), token(3, "b")});
  EXPECT_EQ(sends(pool, kT), 2);
  EXPECT_TRUE(pool.take_request(1, kT));
  EXPECT_TRUE(pool.take_request(2, s(10)));
  EXPECT_FALSE(pool.take_request(1, s(59)));
  EXPECT_EQ(pool.request_ready_at(1, s(59)), s(60));
  EXPECT_EQ(pool.request_ready_at(2, s(65)), s(65));
  EXPECT_EQ(requests(pool, 3, s(59)), 2);
  EXPECT_EQ(requests(pool, 2, s(60)), 1);
  EXPECT_EQ(pool.request_ready_at(1, s(60)), s(70));
}

TEST(CoreTokenPoolLimits, LowCreditIsSixAMinuteOneAtATime) {
  TokenPool pool;
  pool.set_tokens({token(1, "a"), token(2, "a")});
  pool.limit_to_low_credit(1, s(600));
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(pool.next_ready_at(s(10 * i)), s(10 * i)) << i;
    const auto id = pool.choose(s(10 * i));
    ASSERT_TRUE(id) << i;
    EXPECT_EQ(pool.choose(s(10 * i)), kNone);
    pool.note_sent(*id, s(10 * i));
    EXPECT_EQ(pool.choose(s(10 * i + 9.999999)), kNone);
    EXPECT_EQ(pool.next_ready_at(s(10 * i + 1)), s(10 * i + 10));
  }
}

TEST(CoreTokenPoolLimits, LowCreditCountsWhatWasSentBefore) {
  TokenPool pool({600, 0});
  pool.set_tokens({token(1, "a"), token(2, "b")});
  EXPECT_EQ(sends(pool, kT, 20), 20);  // ten each
  pool.limit_to_low_credit(1, s(600));
  EXPECT_EQ(send(pool, s(30)), 2);
  pool.deactivate(2);
  EXPECT_EQ(pool.next_ready_at(s(30)), s(60));
  EXPECT_EQ(send(pool, s(60)), 1);
  EXPECT_EQ(pool.next_ready_at(s(60)), s(70));
}

TEST(CoreTokenPoolLimits, LowCreditHoldsWithoutALimitAndBelowASmallerOne) {
  TokenPool pool({0, 0});
  pool.set_tokens({token(1)});
  EXPECT_EQ(sends(pool, kT, 10), 10);
  pool.limit_to_low_credit(1, s(600));
  EXPECT_EQ(pool.next_ready_at(s(1)), s(60));
  pool.set_limits({2, 0});
  EXPECT_EQ(send(pool, s(60)), 1);
  EXPECT_EQ(send(pool, s(70)), 1);
  EXPECT_EQ(pool.next_ready_at(s(70)), s(120));
}

TEST(CoreTokenPoolLimits, LowCreditEnds) {
  TokenPool pool;
  pool.set_tokens({token(1)});
  pool.limit_to_low_credit(1, s(25));
  pool.limit_to_low_credit(1, s(5));
  for (const double at : {0.0, 10.0, 20.0}) EXPECT_EQ(sends(pool, s(at)), 1);
  EXPECT_EQ(pool.next_ready_at(s(21)), s(25));
  EXPECT_EQ(pool.choose(s(24.999999)), kNone);
  EXPECT_EQ(sends(pool, s(25)), 600 - 3);

  pool.set_tokens({token(2)});
  pool.limit_to_low_credit(2, s(130));
  EXPECT_EQ(pool.choose(s(100)), 2);
  // Not even the end of the reserved request is needed once the limit is gone.
  EXPECT_EQ(pool.next_ready_at(s(100)), s(130));
}

}  // namespace
}  // namespace atelier::core
