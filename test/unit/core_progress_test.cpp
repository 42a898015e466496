// SPDX-License-Identifier: PostgreSQL
#include "core/progress.hpp"

#include <gtest/gtest.h>

#include <string>

namespace atelier::core {
namespace {

TEST(CoreProgress, TheLastPercentageCounts) {
  EXPECT_EQ(last_percent(" 5%|#   | 1/20\r 45%|####| 9/20"), 45);
  EXPECT_EQ(last_percent("100%|####| 20/20\n 5%|#  | 1/20"), 5);
  EXPECT_EQ(last_percent("step 45.7% done"), 45);
  EXPECT_EQ(last_percent("0%"), 0);
  EXPECT_EQ(last_percent("007%"), 7);
}

TEST(CoreProgress, WhatIsNone) {
  for (const char* logs : {"", "%", "no news", "500/1000", "101%", "99999999999999999999%", " %", "x.5%", "-%", ".%"})
    EXPECT_EQ(last_percent(logs), std::nullopt) << logs;
}

TEST(CoreProgress, LooksBehindWhatIsNone) {
  EXPECT_EQ(last_percent("30% and then 200% and %"), 30);
  EXPECT_EQ(last_percent("1.2.30%"), 2);
}

TEST(CoreProgress, LongLogsAreSearchedAtTheirEnd) {
  EXPECT_EQ(last_percent("50%" + std::string(100'000, 'x')), std::nullopt);
  EXPECT_EQ(last_percent(std::string(100'000, '%') + "50%" + std::string(100, '%')), 50);
}

}  // namespace
}  // namespace atelier::core
