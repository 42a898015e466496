// SPDX-License-Identifier: PostgreSQL
#include "core/recent_changes.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>
#include <set>

namespace {

using namespace atelier::core;
using Scope = RecentChanges::Scope;

constexpr uint32_t kHere = 5;
constexpr size_t kMost = 10'000;

Uuid id(uint64_t number) {
  Uuid uuid;
  std::memcpy(uuid.bytes.data(), &number, sizeof number);
  uuid.bytes[15] = 1;
  return uuid;
}

poll::Snapshot snapshot(uint64_t xmax, std::vector<uint64_t> running = {}) {
  return {running.empty() ? xmax : running.front(), xmax, std::move(running)};
}

RecentChange change(uint64_t transaction, uint64_t generation, uint64_t user, uint64_t workspace = 0) {
  return {transaction, kHere, id(generation), id(user), workspace == 0 ? Uuid{} : id(workspace)};
}

class RecentChangesTest : public testing::Test {
 protected:
  RecentChangesTest() { changes->begin(100); }

  // What a user who has seen `since` finds, as numbers; nullopt when it is not known.
  std::optional<std::set<uint64_t>> found(uint64_t user, const poll::Snapshot& since, const poll::Snapshot& now,
                                          uint64_t own = 0, Scope scope = Scope::user, size_t most = kMost) {
    const auto ids = changes->find(kHere, scope, id(user), since, now, own, most);
    if (!ids) return std::nullopt;
    std::set<uint64_t> numbers;
    for (const Uuid& one : *ids) {
      uint64_t number = 0;
      std::memcpy(&number, one.bytes.data(), sizeof number);
      EXPECT_TRUE(numbers.insert(number).second) << "told twice";
    }
    return numbers;
  }

  // As shared memory is: whatever was there before.
  std::unique_ptr<unsigned char[]> memory{new unsigned char[sizeof(RecentChanges)]};
  RecentChanges* changes = reinterpret_cast<RecentChanges*>(std::memset(memory.get(), 0x5a, sizeof(RecentChanges)));
};

using Numbers = std::set<uint64_t>;

TEST_F(RecentChangesTest, WhatASnapshotDoesNotShowIsTold) {
  changes->add(change(100, 1, 7));
  changes->add(change(101, 2, 7));
  changes->add(change(103, 3, 7));
  changes->add(change(101, 4, 8));
  EXPECT_EQ(found(7, snapshot(100), snapshot(104)), (Numbers{1, 2, 3}));
  EXPECT_EQ(found(7, snapshot(102), snapshot(104)), (Numbers{3}));
  EXPECT_EQ(found(7, snapshot(104, {101}), snapshot(104)), (Numbers{2}));
  EXPECT_EQ(found(7, snapshot(104), snapshot(104)), Numbers{});
  EXPECT_EQ(found(9, snapshot(100), snapshot(104)), Numbers{});
}

TEST_F(RecentChangesTest, EachScopeAndDatabaseHearsOfItsOwn) {
  changes->add(change(100, 1, 7, 20));
  changes->add(change(100, 2, 8, 20));
  changes->add(change(100, 3, 7, 21));
  RecentChange elsewhere = change(100, 4, 7, 20);
  elsewhere.database = 6;
  changes->add(elsewhere);
  changes->add({100, kHere, id(5), Uuid{}, id(20)});
  EXPECT_EQ(found(7, snapshot(100), snapshot(101)), (Numbers{1, 3}));
  EXPECT_EQ(found(20, snapshot(100), snapshot(101), 0, Scope::workspace), (Numbers{1, 2, 5}));
  EXPECT_EQ(found(7, snapshot(100), snapshot(101), 0, Scope::workspace), Numbers{}) << "a user's id is no workspace's";
  EXPECT_TRUE(changes->find(kHere, Scope::workspace, Uuid{}, snapshot(100), snapshot(101), 0, kMost)->empty());
}

TEST_F(RecentChangesTest, ARowThatChangedOftenIsToldOnce) {
  for (uint64_t n = 0; n < 50; ++n) changes->add(change(100 + n, n % 2, 7));
  EXPECT_EQ(found(7, snapshot(100), snapshot(200)), (Numbers{0, 1}));
}

TEST_F(RecentChangesTest, MoreThanWantedIsNotKnown) {
  for (uint64_t n = 0; n < 11; ++n) changes->add(change(100, n, 7));
  EXPECT_EQ(found(7, snapshot(100), snapshot(101), 0, Scope::user, 10), std::nullopt);
  EXPECT_EQ(found(7, snapshot(100), snapshot(101), 0, Scope::user, 11)->size(), 11U);
}

TEST_F(RecentChangesTest, WhatWasBeforeTheBeginIsNotKnown) {
  EXPECT_EQ(found(7, snapshot(99), snapshot(101)), std::nullopt);
  EXPECT_EQ(found(7, snapshot(100), snapshot(101)), Numbers{});
  EXPECT_EQ(found(7, snapshot(101, {90}), snapshot(102, {90})), Numbers{}) << "it runs still, as a prepared one may";
  EXPECT_EQ(found(7, snapshot(101, {90}), snapshot(102)), std::nullopt) << "it has ended meanwhile";
  EXPECT_EQ(found(7, snapshot(101, {90}), snapshot(102, {90}), 90), std::nullopt) << "it is one's own";
}

TEST_F(RecentChangesTest, WhatIsOverwrittenIsNotKnown) {
  changes->add(change(100, 1, 7));
  for (uint64_t n = 0; n < RecentChanges::kPlaces; ++n) changes->add(change(101 + n, 2 + n, 8));
  const uint64_t end = 101 + RecentChanges::kPlaces;
  EXPECT_EQ(found(7, snapshot(100), snapshot(end)), std::nullopt);
  EXPECT_EQ(found(7, snapshot(end - 1), snapshot(end)), Numbers{});
  EXPECT_EQ(found(8, snapshot(end - 10), snapshot(end))->size(), 10U);
  EXPECT_EQ(found(7, snapshot(end, {100}), snapshot(end)), std::nullopt);
  EXPECT_EQ(found(7, snapshot(end, {100}), snapshot(end, {100})), Numbers{}) << "what runs has nothing to tell yet";
}

TEST_F(RecentChangesTest, NothingIsEverLeftOut) {
  // Transactions write and end in any order; somebody polls now and then, and knows all, or that he does not.
  std::mt19937_64 random(20261127);
  struct Written {
    uint64_t transaction, generation, user;
  };
  std::vector<Written> written;
  std::vector<uint64_t> running;
  uint64_t next = 100;
  std::vector<poll::Snapshot> taken;
  const auto now = [&] {
    std::sort(running.begin(), running.end());
    return snapshot(next, running);
  };
  size_t known = 0, unknown = 0;
  for (int step = 0; step < 300'000; ++step) {
    if (running.size() < 6) running.push_back(next++);
    const uint64_t writer = running[random() % running.size()];
    written.push_back({writer, random() % 5'000, random() % 40});
    changes->add(change(writer, written.back().generation, written.back().user));
    if (random() % 4 == 0) running.erase(running.begin() + static_cast<long>(random() % running.size()));
    if (step % 500 == 0) taken.push_back(now());
    if (step % 1'000 != 999) continue;
    const poll::Snapshot& since = taken[taken.size() - 1 - random() % std::min<size_t>(taken.size(), 200)];
    const poll::Snapshot at = now();
    const uint64_t user = random() % 40;
    const auto answer = found(user, since, at, 0, Scope::user, 100'000);
    if (!answer) {
      ++unknown;
      continue;
    }
    ++known;
    const auto shows = [](const poll::Snapshot& one, uint64_t transaction) {
      return transaction < one.xmax &&
             std::find(one.running.begin(), one.running.end(), transaction) == one.running.end();
    };
    for (const Written& one : written)
      if (one.user == user && shows(at, one.transaction) && !shows(since, one.transaction))
        ASSERT_TRUE(answer->count(one.generation)) << "step " << step;
  }
  EXPECT_GT(known, 100U);
  EXPECT_GT(unknown, 10U);
}

}  // namespace
