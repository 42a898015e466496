// SPDX-License-Identifier: PostgreSQL
// How many predictions of a workspace run.
#include <gtest/gtest.h>

#include <limits>

#include "core/workspaces.hpp"

namespace atelier::core {
namespace {

Uuid workspace(uint8_t number) {
  Uuid uuid;
  uuid.bytes[15] = number;
  return uuid;
}

TEST(CoreWorkspaces, KnowsThoseWithSomethingOpen) {
  Workspaces workspaces;
  workspaces.set_limit(3);
  EXPECT_TRUE(workspaces.all().empty());
  workspaces.opened(workspace(1));
  workspaces.opened(workspace(1));
  workspaces.opened(std::nullopt);
  ASSERT_EQ(workspaces.all().size(), 1U);
  EXPECT_EQ(workspaces.all()[0].workspace, workspace(1));
  EXPECT_EQ(workspaces.all()[0].room, 1);
  EXPECT_FALSE(workspaces.all()[0].parked);
  workspaces.closed(workspace(1));
  workspaces.closed(workspace(1));
  workspaces.closed(workspace(1));
  workspaces.closed(workspace(2));
  workspaces.closed(std::nullopt);
  EXPECT_TRUE(workspaces.all().empty());
}

TEST(CoreWorkspaces, RoomIsNeverNegative) {
  Workspaces workspaces;
  for (int i = 0; i < 4; ++i) workspaces.opened(workspace(1));
  EXPECT_EQ(workspaces.all()[0].room, std::numeric_limits<int>::max()) << "no limit";
  workspaces.set_limit(2);
  EXPECT_EQ(workspaces.all()[0].room, 0);
}

TEST(CoreWorkspaces, WhatWasSetAsideComesBackWhenThereIsRoom) {
  Workspaces workspaces;
  workspaces.set_limit(1);
  workspaces.opened(workspace(1));
  workspaces.parked(workspace(1));
  EXPECT_TRUE(workspaces.with_room().empty());
  workspaces.closed(workspace(1));
  ASSERT_EQ(workspaces.with_room().size(), 1U);
  EXPECT_EQ(workspaces.with_room()[0].room, 1);
  EXPECT_EQ(workspaces.all().size(), 1U) << "as long as rows are set aside it is remembered";
  workspaces.none_parked(workspace(1));
  EXPECT_TRUE(workspaces.all().empty());
}

TEST(CoreWorkspaces, ALargerLimitMakesRoom) {
  Workspaces workspaces;
  workspaces.set_limit(1);
  workspaces.opened(workspace(1));
  workspaces.parked(workspace(1));
  workspaces.set_limit(3);
  ASSERT_EQ(workspaces.with_room().size(), 1U);
  EXPECT_EQ(workspaces.with_room()[0].room, 2);
  workspaces.set_limit(0);
  EXPECT_EQ(workspaces.with_room().size(), 1U);
}

}  // namespace
}  // namespace atelier::core
