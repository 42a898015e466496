// SPDX-License-Identifier: PostgreSQL
#include "core/trigger_word.hpp"

#include <gtest/gtest.h>

namespace atelier::core {
namespace {

TEST(CoreTriggerWord, IsKeptInOneForm) {
  EXPECT_EQ(normal_trigger_word("MY_WORD_1"), "MY_WORD_1");
  EXPECT_EQ(normal_trigger_word(" \tmy word\n"), "MY_WORD");
  EXPECT_EQ(normal_trigger_word("a  b"), "A__B");
  EXPECT_EQ(normal_trigger_word(std::string(50, 'x')), std::string(50, 'X'));
}

TEST(CoreTriggerWord, WhatIsNoWord) {
  for (const std::string& word : {std::string(), std::string("  "), std::string(51, 'X'), std::string("A-B"),
                                  std::string("\xD0\x90"), std::string("A\0B", 3), std::string("A'B")})
    EXPECT_EQ(normal_trigger_word(word), std::nullopt) << word;
}

}  // namespace
}  // namespace atelier::core
