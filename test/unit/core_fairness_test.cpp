// SPDX-License-Identifier: PostgreSQL
// Whose turn it is.
#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <set>

#include "core/fairness.hpp"

namespace atelier::core {
namespace {

Uuid user(int number) {
  Uuid uuid;
  for (size_t i = 0; i < 4; ++i) uuid.bytes[15 - i] = static_cast<uint8_t>(number >> (8 * i));
  return uuid;
}

// Takes as much of each turn as the queue holds; what is taken stays open.
int claim(Fairness& fairness, std::map<Uuid, int>& queue, int most, std::map<Uuid, int>* taken = nullptr) {
  int sum = 0;
  for (const Fairness::Turn& turn : fairness.next(most)) {
    const int rows = std::min(turn.most, queue[turn.user]);
    queue[turn.user] -= rows;
    for (int i = 0; i < rows; ++i) fairness.opened(turn.user);
    fairness.took(turn, rows);
    if (taken != nullptr) (*taken)[turn.user] += rows;
    sum += rows;
  }
  return sum;
}

TEST(CoreFairness, NobodyWaits) {
  Fairness fairness;
  EXPECT_FALSE(fairness.anybody());
  EXPECT_TRUE(fairness.next(10).empty());
  EXPECT_TRUE(fairness.next(0).empty());
}

TEST(CoreFairness, ABatchIsSpreadEvenly) {
  Fairness fairness;
  for (int i = 1; i <= 3; ++i) fairness.add(user(i));
  fairness.add(user(2));
  const auto turns = fairness.next(8);
  ASSERT_EQ(turns.size(), 3U);
  EXPECT_EQ(turns[0].user, user(1));
  EXPECT_EQ(turns[0].most, 3);
  EXPECT_EQ(turns[1].most, 3);
  EXPECT_EQ(turns[2].most, 2);
}

TEST(CoreFairness, OneWithManyRowsDelaysNobody) {
  Fairness fairness;
  fairness.set_limits(5, {});
  std::map<Uuid, int> queue{{user(1), 100'000}, {user(2), 1}};
  fairness.add(user(1));
  claim(fairness, queue, 2);
  fairness.add(user(2));
  claim(fairness, queue, 2);
  EXPECT_EQ(queue[user(2)], 0);
}

TEST(CoreFairness, RoundRobinOverMoreUsersThanABatchHolds) {
  Fairness fairness;
  std::map<Uuid, int> queue, taken;
  for (int i = 0; i < 50; ++i) {
    queue[user(i)] = 1'000;
    fairness.add(user(i));
  }
  for (int claims = 0; claims < 101; ++claims) EXPECT_EQ(claim(fairness, queue, 7, &taken), 7);
  double sum = 0, squares = 0;
  for (const auto& [id, rows] : taken) {
    sum += rows;
    squares += static_cast<double>(rows) * rows;
    EXPECT_GE(rows, 13);
    EXPECT_LE(rows, 15);
  }
  EXPECT_GE(sum * sum / (50 * squares), 0.95);
}

TEST(CoreFairness, NoMoreThanHisShareAtOnce) {
  Fairness fairness;
  fairness.set_limits(2, {{user(2), 3}, {user(3), 0}});
  std::map<Uuid, int> queue{{user(1), 10}, {user(2), 10}, {user(3), 10}}, taken;
  for (int i = 1; i <= 3; ++i) fairness.add(user(i));
  while (claim(fairness, queue, 4, &taken) > 0) continue;
  EXPECT_EQ(taken[user(1)], 2);
  EXPECT_EQ(taken[user(2)], 3);
  EXPECT_EQ(taken[user(3)], 10);
  EXPECT_FALSE(fairness.anybody());
  fairness.add(user(1));
  EXPECT_FALSE(fairness.anybody()) << "a user at his limit stays aside";
  fairness.closed(user(1));
  EXPECT_TRUE(fairness.anybody());
  EXPECT_EQ(claim(fairness, queue, 4, &taken), 1);
}

TEST(CoreFairness, UsersAtTheirLimitCostNothing) {
  Fairness fairness;
  fairness.set_limits(1, {});
  for (int i = 0; i < 10'000; ++i) {
    fairness.opened(user(i));
    fairness.add(user(i));
  }
  EXPECT_TRUE(fairness.next(10).empty());
  EXPECT_FALSE(fairness.anybody());
  fairness.add(user(10'001));
  EXPECT_EQ(fairness.next(10).size(), 1U);
}

TEST(CoreFairness, AChangedLimitCounts) {
  Fairness fairness;
  fairness.set_limits(1, {});
  fairness.opened(user(1));
  fairness.add(user(1));
  EXPECT_TRUE(fairness.next(1).empty());
  fairness.set_limits(2, {});
  EXPECT_EQ(fairness.next(5).size(), 1U);
}

TEST(CoreFairness, WhoTookLessHasNothingLeft) {
  Fairness fairness;
  fairness.add(user(1));
  const auto turns = fairness.next(5);
  fairness.opened(user(1));
  fairness.took(turns[0], 1);
  EXPECT_FALSE(fairness.anybody());
  EXPECT_EQ(fairness.open_of(user(1)), 1);
  fairness.closed(user(1));
  EXPECT_FALSE(fairness.anybody());
  fairness.closed(user(1));
  EXPECT_EQ(fairness.open_of(user(1)), 0);
}

}  // namespace
}  // namespace atelier::core
