// SPDX-License-Identifier: PostgreSQL
#include "core/counts.hpp"

#include <gtest/gtest.h>

namespace {

using namespace atelier::core;
using namespace atelier::core::counts;

Uuid id(uint8_t last) {
  Uuid uuid;
  uuid.bytes[15] = last;
  return uuid;
}

Row row(uint8_t user, uint8_t workspace, GenerationStatus status = GenerationStatus::pending) {
  Row row;
  row.user = id(user);
  if (workspace != 0) row.workspace = id(workspace);
  row.status = status;
  return row;
}

TEST(CountsTest, ARowCountsByWhatItIs) {
  Row one = row(1, 0, GenerationStatus::completed);
  one.favorite = true;
  one.cost_micros = 7;
  one.credits = 2;
  one.time_ms = 30;
  const Numbers shown = numbers_of(one);
  EXPECT_EQ(shown.values, (std::array<int64_t, kNumbers>{1, 1, 2, 0, 0, 1, 1, 30, 7, 7, 0, 0, 1}));
  one.part_of_film = true;
  one.status = GenerationStatus::queued;
  EXPECT_EQ(numbers_of(one).values, (std::array<int64_t, kNumbers>{1, 0, 2, 1, 0, 0, 0, 0, 7, 0, 0, 0, 0}));
  one.status = std::nullopt;
  EXPECT_EQ(numbers_of(one).values, (std::array<int64_t, kNumbers>{1, 0, 2, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0}));
}

TEST(CountsTest, HoursBeforeTheEpochBeginEarlier) {
  EXPECT_EQ(hour_of(0), 0);
  EXPECT_EQ(hour_of(3'599'999'999), 0);
  EXPECT_EQ(hour_of(3'600'000'000), 1);
  EXPECT_EQ(hour_of(-1), -1);
  EXPECT_EQ(hour_of(-3'600'000'000), -1);
}

TEST(CountsTest, SumsAreInTheOrderOfKeysAndWithoutZeros) {
  Deltas deltas;
  Row first = row(2, 9);
  first.hour = 5;
  deltas.add(first, 1, 1);
  deltas.add(row(1, 0), 1, 1);
  deltas.add(row(3, 0), 1, 1);
  deltas.add(row(3, 0, GenerationStatus::pending), -1, 1);
  const auto changes = deltas.changes();
  ASSERT_EQ(changes.size(), 5U);
  EXPECT_EQ(changes[0].key, (Key{Scope::user, id(1), {}, 0}));
  EXPECT_EQ(changes[1].key, (Key{Scope::user, id(2), id(9), 0}));
  EXPECT_EQ(changes[2].key, (Key{Scope::workspace, {}, id(9), 0}));
  EXPECT_EQ(changes[3].key.scope, Scope::whole);
  EXPECT_EQ(changes[3].numbers[kGenerations], 2);
  EXPECT_EQ(changes[4].key, (Key{Scope::hour, {}, {}, 5}));
  EXPECT_EQ(changes[4].numbers[kGenerations], 1);
}

TEST(CountsTest, FromQueuedToProcessingNothingChanges) {
  Deltas deltas;
  deltas.add(row(1, 2, GenerationStatus::queued), -1, 1);
  deltas.add(row(1, 2, GenerationStatus::processing), 1, 1);
  EXPECT_TRUE(deltas.changes().empty());
}

TEST(CountsTest, SubtransactionsAreKeptOrDropped) {
  Deltas deltas;
  deltas.add(row(1, 0), 1, 1);
  deltas.add(row(1, 0), 1, 3);
  deltas.end_level(3, true);
  deltas.add(row(1, 0), 1, 2);
  EXPECT_EQ(deltas.of_user(id(1))[kShown], 3);
  deltas.end_level(2, false);
  EXPECT_EQ(deltas.of_user(id(1))[kShown], 1);
  deltas.end_level(2, false);
  EXPECT_EQ(deltas.of_user(id(1))[kShown], 1);
}

TEST(CountsTest, TruncationCoversWhatWasBeforeUntilItIsUndone) {
  Deltas deltas;
  deltas.add(row(1, 4), 1, 1);
  deltas.clear(2);
  deltas.add(row(1, 4), -1, 2);
  EXPECT_EQ(deltas.of_workspace(id(4), std::nullopt)[kShown], -1);
  EXPECT_EQ(deltas.of_workspace(id(4), id(2))[kShown], 0);
  Deltas kept = deltas;
  deltas.end_level(2, false);
  EXPECT_EQ(deltas.of_workspace(id(4), id(1))[kShown], 1);
  kept.end_level(2, true);
  EXPECT_EQ(kept.of_user(id(1))[kShown], -1);
  EXPECT_EQ(kept.changes()[0].numbers[kGenerations], -1);
}

}  // namespace
