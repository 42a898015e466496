// SPDX-License-Identifier: PostgreSQL
// Which token is chosen, what belongs to an account, and what a reload of the table changes.
#include <gtest/gtest.h>

#include <chrono>
#include <map>

#include "unit/token_pool.hpp"

namespace atelier::core {
namespace {

using namespace token_pool_test;

TEST(CoreTokenPool, AnEmptyPoolHasNothing) {
  TokenPool pool;
  EXPECT_EQ(pool.choose(kT), kNone);
  EXPECT_EQ(pool.next_ready_at(kT), kNone);
  EXPECT_FALSE(pool.has_active_token());
}

TEST(CoreTokenPool, LeastRecentlyUsedFirst) {
  TokenPool pool;
  pool.set_tokens({token(1), token(2), token(3)});
  EXPECT_EQ(pool.next_ready_at(kT), kT);
  for (const int32_t id : {1, 2, 3, 1, 2, 3}) EXPECT_EQ(send(pool, kT), id);
  pool.set_tokens({token(1), token(2), token(3), token(4)});
  for (const int32_t id : {4, 1, 2, 3, 4}) EXPECT_EQ(send(pool, kT), id);
}

TEST(CoreTokenPool, ReservedRequestsAreUsesThatAreStillToCome) {
  TokenPool pool;
  pool.set_tokens({token(1), token(2), token(3)});
  for (const int32_t id : {1, 2, 3, 1, 2}) EXPECT_EQ(pool.choose(kT), id);
  pool.note_sent(2, kT);
  for (const int32_t id : {1, 3, 1, 2}) pool.give_back(id);
  // What was given back was not used: 1 and 3 have had no turn yet.
  for (const int32_t id : {1, 3, 2, 1}) EXPECT_EQ(send(pool, kT), id);
}

TEST(CoreTokenPool, OneUseAtATimeGoesRoundHoweverManyAreReserved) {
  TokenPool pool;
  pool.set_tokens({token(1), token(2), token(3), token(4)});
  std::map<int32_t, int> used;
  for (int round = 0; round < 40; ++round) {
    Ids reserved;
    for (int i = 0; i < 8; ++i) reserved.push_back(*pool.choose(kT));
    pool.note_sent(reserved[0], kT);
    ++used[reserved[0]];
    for (size_t i = 1; i < reserved.size(); ++i) pool.give_back(reserved[i]);
  }
  EXPECT_EQ(used, (std::map<int32_t, int>{{1, 10}, {2, 10}, {3, 10}, {4, 10}}));
}

TEST(CoreTokenPool, SkipsInactiveAndCoolingTokens) {
  TokenPool pool;
  pool.set_tokens({token(1, "", false), token(2, "", true, s(5)), token(3)});
  EXPECT_EQ(send(pool, kT), 3);
  EXPECT_EQ(send(pool, kT), 3);
  EXPECT_EQ(send(pool, s(5)), 2);
  pool.deactivate(3);
  pool.cool_token(2, s(9));
  EXPECT_TRUE(pool.has_active_token());
  EXPECT_EQ(pool.choose(s(8.999999)), kNone);
  EXPECT_EQ(pool.next_ready_at(s(6)), s(9));
  EXPECT_EQ(send(pool, s(9)), 2);
  pool.deactivate(2);
  EXPECT_FALSE(pool.has_active_token());
  EXPECT_EQ(pool.next_ready_at(s(9)), kNone);
}

TEST(CoreTokenPool, CoolingNeverGrowsShorter) {
  TokenPool pool;
  pool.set_tokens({token(1, "a", true, s(3))});
  pool.cool_token(1, s(1));
  EXPECT_EQ(pool.next_ready_at(kT), s(3));
  pool.cool_token(1, s(4));
  pool.cool_token(1, s(2));
  EXPECT_EQ(pool.next_ready_at(kT), s(4));
  pool.cool_account(1, s(5));
  pool.cool_account(1, s(4));
  EXPECT_EQ(pool.next_ready_at(kT), s(5));
  pool.cool_requests(1, s(7));
  pool.cool_requests(1, s(6));
  EXPECT_EQ(pool.request_ready_at(1, kT), s(7));
}

TEST(CoreTokenPool, AnUnknownAccountIsItsOwn) {
  TokenPool pool({2, 1});
  pool.set_tokens({token(1), token(2)});
  EXPECT_EQ(sends(pool, kT), 4);
  EXPECT_EQ(requests(pool, 1, kT), 1);
  EXPECT_EQ(requests(pool, 2, kT), 1);
  EXPECT_EQ(pool.tokens_of_account(1), Ids{1});
  pool.cool_account(1, s(100));
  EXPECT_EQ(pool.choose(s(60)), 2);
}

// Random choices, sendings and returns: no window of a minute ever holds more than the limit.
TEST(CoreTokenPool, InactiveAndCoolingTokensStillWatch) {
  TokenPool pool;
  pool.set_tokens({token(1, "a", false), token(2, "a", true, s(100))});
  pool.cool_account(1, s(100));
  pool.limit_to_low_credit(1, s(100));
  EXPECT_TRUE(pool.take_request(1, kT));
  EXPECT_TRUE(pool.take_request(2, kT));
  EXPECT_EQ(pool.choose(kT), kNone);
}

TEST(CoreTokenPool, CoolingOfRequestsIsForTheAccountAndNotForCreates) {
  TokenPool pool;
  pool.set_tokens({token(1, "a"), token(2, "a"), token(3, "b")});
  pool.cool_requests(1, s(5));
  EXPECT_FALSE(pool.take_request(2, s(4)));
  EXPECT_EQ(pool.request_ready_at(2, s(4)), s(5));
  EXPECT_TRUE(pool.take_request(3, s(4)));
  EXPECT_EQ(pool.choose(s(4)), 1);
  EXPECT_TRUE(pool.take_request(2, s(5)));
}

TEST(CoreTokenPool, CoolingOfAnAccountIsForAllItsTokens) {
  TokenPool pool;
  pool.set_tokens({token(1, "a"), token(2, "b"), token(3, "a")});
  pool.cool_account(3, s(5));
  EXPECT_EQ(sends(pool, kT, 3), 3);
  EXPECT_EQ(pool.choose(kT), 2);
  pool.cool_token(2, s(10));
  EXPECT_EQ(pool.next_ready_at(kT), s(5));
  EXPECT_EQ(pool.choose(s(5)), 1);
}

// The dispatcher chooses for every free place at every turn.
TEST(CoreTokenPool, ChoosingIsCheap) {
  TokenPool pool;
  std::vector<PoolToken> tokens;
  for (int32_t id = 1; id <= 10; ++id) tokens.push_back(token(id, "account with a long name " + std::to_string(id)));
  pool.set_tokens(tokens);
  sends(pool, kT, 5'000);
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 20'000; ++i) {
    const auto id = pool.choose(kT);
    ASSERT_TRUE(id);
    pool.give_back(*id);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(500));
}

TEST(CoreTokenPool, AvoidsAnAccountThatRefused) {
  TokenPool pool;
  pool.set_tokens({token(1, "a"), token(2), token(3, "b"), token(4, "a")});
  EXPECT_EQ(send(pool, kT, "a"), 3);
  EXPECT_EQ(send(pool, kT, "a"), 3);
  EXPECT_EQ(send(pool, kT, "b"), 1);
  EXPECT_EQ(send(pool, kT, "b"), 4);
  pool.deactivate(3);
  EXPECT_EQ(pool.choose(kT, "a"), kNone);
  EXPECT_EQ(pool.choose(kT), 2);
}

TEST(CoreTokenPool, LearningTheAccountAddsUpWhatWasUsed) {
  TokenPool pool({3, 3});
  pool.set_tokens({token(1), token(2)});
  for (const double at : {0.0, 0.0, 1.0, 1.0}) EXPECT_TRUE(send(pool, s(at)));
  EXPECT_EQ(requests(pool, 1, s(2)), 3);
  EXPECT_EQ(requests(pool, 2, s(3)), 3);
  EXPECT_EQ(pool.choose(s(4)), 1);
  pool.set_account(1, "a");
  pool.set_account(2, "a");
  EXPECT_EQ(pool.account_of(2), "a");
  EXPECT_EQ(pool.next_ready_at(s(5)), s(61));  // four and a reserved one
  EXPECT_EQ(pool.request_ready_at(1, s(5)), s(63));
  pool.give_back(1);
  EXPECT_EQ(pool.next_ready_at(s(5)), s(60));
  EXPECT_EQ(sends(pool, s(60)), 1);
  EXPECT_EQ(sends(pool, s(61)), 2);
}

TEST(CoreTokenPool, TheTableTellsAnAccountJustAsWell) {
  TokenPool pool({3, 3});
  pool.set_tokens({token(1), token(2)});
  EXPECT_EQ(sends(pool, kT), 6);
  EXPECT_EQ(requests(pool, 1, kT), 3);
  pool.set_tokens({token(1, "a"), token(2, "b")});
  EXPECT_EQ(pool.next_ready_at(kT), s(60));
  EXPECT_EQ(pool.request_ready_at(1, kT), s(60));
  EXPECT_EQ(pool.request_ready_at(2, kT), kT);
}

TEST(CoreTokenPool, LearningTheAccountKeepsWhatIsKnownOfIt) {
  TokenPool pool;
  pool.set_tokens({token(1, "a"), token(2)});
  pool.cool_account(1, s(5));
  pool.cool_account(2, s(9));
  pool.cool_requests(2, s(8));
  pool.limit_to_low_credit(2, s(30));
  pool.set_account(2, "a");
  EXPECT_EQ(pool.tokens_of_account(1), (Ids{1, 2}));
  EXPECT_EQ(pool.next_ready_at(kT), s(9));
  EXPECT_EQ(pool.request_ready_at(1, kT), s(8));
  EXPECT_EQ(sends(pool, s(9)), 1);
}

TEST(CoreTokenPool, AnotherAccountTakesNothingAlong) {
  TokenPool pool({2, 0});
  pool.set_tokens({token(1, "a"), token(2, "a")});
  EXPECT_EQ(sends(pool, kT, 1), 1);
  EXPECT_EQ(pool.choose(kT), 2);
  pool.set_account(2, "b");  // its reservation goes with it
  EXPECT_EQ(pool.choose(kT), 1);
  EXPECT_EQ(pool.choose(kT), 2);
  EXPECT_EQ(pool.choose(kT), kNone);
}

TEST(CoreTokenPool, ReloadKeepsWhatTheTableDoesNotSay) {
  TokenPool pool({2, 2});
  const std::vector<PoolToken> rows{token(1, "a"), token(2, "b"), token(3, "c")};
  pool.set_tokens(rows);
  EXPECT_EQ(send(pool, kT), 1);
  EXPECT_EQ(send(pool, kT), 2);
  pool.cool_token(2, s(50));
  EXPECT_EQ(requests(pool, 1, kT), 2);
  pool.set_tokens(rows);
  EXPECT_EQ(send(pool, kT), 3);          // the order of use
  EXPECT_EQ(sends(pool, kT), 2);         // the budget: one each of 1 and 3
  EXPECT_EQ(pool.choose(s(49)), kNone);  // the cooldown of 2
  EXPECT_EQ(pool.next_ready_at(kT), s(50));
  EXPECT_EQ(pool.request_ready_at(1, kT), s(60));
}

TEST(CoreTokenPool, ReloadTakesWhatTheTableSays) {
  TokenPool pool;
  pool.set_tokens({token(1, "a", true, s(50)), token(2, "a"), token(3)});
  pool.deactivate(2);
  pool.set_tokens({token(1, "a"), token(2, "b"), token(4)});
  EXPECT_EQ(pool.account_of(2), "b");
  EXPECT_EQ(pool.tokens_of_account(3), Ids{});
  for (const int32_t id : {1, 2, 4}) EXPECT_EQ(send(pool, kT), id);
  pool.set_tokens({token(1, "a", false)});
  EXPECT_EQ(pool.choose(kT), kNone);
}

TEST(CoreTokenPool, ADeletedTokenHoldsNoReservation) {
  TokenPool pool({2, 0});
  pool.set_tokens({token(1, "a"), token(2, "a")});
  EXPECT_EQ(pool.choose(kT), 1);
  EXPECT_EQ(pool.choose(kT), 2);
  pool.set_tokens({token(2, "a")});
  EXPECT_EQ(pool.choose(kT), 2);
  EXPECT_EQ(pool.choose(kT), kNone);
  pool.set_tokens({});
  pool.set_tokens({token(2, "a")});
  EXPECT_EQ(sends(pool, kT), 2);
  // The account's minute is not forgotten either.
  pool.set_tokens({});
  pool.set_tokens({token(2, "a")});
  EXPECT_EQ(pool.next_ready_at(kT), s(60));
}

TEST(CoreTokenPool, Siblings) {
  TokenPool pool;
  pool.set_tokens({token(1, "a"), token(2, "b"), token(3, "a", false), token(4, "a"), token(5), token(6)});
  EXPECT_EQ(pool.sibling(1), 4);
  EXPECT_EQ(pool.sibling(3), 1);
  EXPECT_EQ(pool.sibling(2), kNone);
  EXPECT_EQ(pool.sibling(5), kNone);
  EXPECT_EQ(pool.tokens_of_account(4), (Ids{1, 3, 4}));
  pool.deactivate(4);
  EXPECT_EQ(pool.sibling(1), kNone);
}

TEST(CoreTokenPool, UnknownTokensAreIgnored) {
  TokenPool pool;
  pool.set_tokens({token(1, "a")});
  pool.set_account(9, "a");
  pool.note_sent(9, kT);
  pool.give_back(9);
  pool.cool_token(9, s(9));
  pool.cool_account(9, s(9));
  pool.cool_requests(9, s(9));
  pool.limit_to_low_credit(9, s(9));
  pool.deactivate(9);
  EXPECT_FALSE(pool.take_request(9, kT));
  EXPECT_EQ(pool.request_ready_at(9, kT), kT);
  EXPECT_EQ(pool.tokens_of_account(9), Ids{});
  EXPECT_EQ(pool.sibling(9), kNone);
  EXPECT_EQ(pool.account_of(9), "");
  EXPECT_EQ(sends(pool, kT), 600);
}

}  // namespace
}  // namespace atelier::core
