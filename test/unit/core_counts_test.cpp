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
  EXPECT_EQ(numbers_of(one).values, (std::array<int64_t, kNumbers>{2, 1, 1, 30, 7, 0, 0, 0, 0, 0, 0, 0, 1}));
  one.time_ms = std::nullopt;
  EXPECT_EQ(numbers_of(one).values, (std::array<int64_t, kNumbers>{2, 1, 1, 0, 7, 0, 0, 0, 1, 0, 0, 0, 1}));
  one.part_of_film = true;
  one.status = GenerationStatus::queued;
  EXPECT_EQ(numbers_of(one).values, (std::array<int64_t, kNumbers>{2, 1, 0, 0, 0, 0, 0, 7, 0, 1, 1, 0, 0}));
  one.status = GenerationStatus::failed;
  EXPECT_EQ(numbers_of(one).values, (std::array<int64_t, kNumbers>{2, 1, 0, 0, 0, 1, 0, 7, 0, 1, 0, 1, 0}));
  one.status = std::nullopt;
  EXPECT_EQ(numbers_of(one).values, (std::array<int64_t, kNumbers>{2, 1, 0, 0, 0, 0, 1, 7, 0, 1, 0, 0, 0}));
}

TEST(CountsTest, WhatIsNotKeptFollowsFromTheRest) {
  Numbers sum;
  for (const GenerationStatus status :
       {GenerationStatus::pending, GenerationStatus::queued, GenerationStatus::processing, GenerationStatus::completed,
        GenerationStatus::failed, GenerationStatus::cancelled}) {
    Row one = row(1, 0, status);
    sum.add(numbers_of(one));
    one.part_of_film = true;
    sum.add(numbers_of(one));
  }
  EXPECT_EQ(sum.under_way(), 6);
  EXPECT_EQ(sum.shown(), 6);
  EXPECT_EQ(sum.shown_under_way(), 3);
  EXPECT_EQ(sum.shown_failed(), 1);
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
  EXPECT_EQ(changes[2].key, (Key{Scope::workspace, {}, {}, 0}));
  EXPECT_EQ(changes[2].numbers[kGenerations], 1);
  EXPECT_EQ(changes[3].key, (Key{Scope::workspace, {}, id(9), 0}));
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
  EXPECT_EQ(deltas.of_user(id(1)).shown(), 3);
  deltas.end_level(2, false);
  EXPECT_EQ(deltas.of_user(id(1)).shown(), 1);
  deltas.end_level(2, false);
  EXPECT_EQ(deltas.of_user(id(1)).shown(), 1);
}

TEST(CountsTest, TruncationCoversWhatWasBeforeUntilItIsUndone) {
  Deltas deltas;
  deltas.add(row(1, 4), 1, 1);
  deltas.clear(2);
  deltas.add(row(1, 4), -1, 2);
  EXPECT_EQ(deltas.of_workspace(id(4), std::nullopt).shown(), -1);
  EXPECT_EQ(deltas.of_workspace(id(4), id(2)).shown(), 0);
  Deltas kept = deltas;
  deltas.end_level(2, false);
  EXPECT_EQ(deltas.of_workspace(id(4), id(1)).shown(), 1);
  kept.end_level(2, true);
  EXPECT_EQ(kept.of_user(id(1)).shown(), -1);
  EXPECT_EQ(kept.changes()[0].numbers[kGenerations], -1);
}

}  // namespace
