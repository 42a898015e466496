// SPDX-License-Identifier: PostgreSQL
#include "core/slug.hpp"

#include <gtest/gtest.h>

namespace atelier::core {
namespace {

constexpr std::string_view kRussian = "абвгдежзийклмнопрстуфхцчшщъыьэюя";
constexpr std::string_view kCapitals = "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ";
constexpr std::string_view kLatin = "abvgdezhziyklmnoprstufhtschshschyeyuya";

std::string repeat(std::string_view text, size_t times) {
  std::string result;
  while (times-- > 0) result += text;
  return result;
}

TEST(CoreSlug, WritesCyrillicInLatin) {
  EXPECT_EQ(slug_from("Команда Ёжик"), "komanda-yozhik");
  EXPECT_EQ(slug_from(kRussian), kLatin);
  EXPECT_EQ(slug_from(kCapitals), kLatin);
  EXPECT_EQ(slug_from("ґєіїўё ҐЄІЇЎЁ"), "gyeiyiuyo-gyeiyiuyo");
}

TEST(CoreSlug, EverythingElseSeparates) {
  EXPECT_EQ(slug_from("  My -- Team_2!  "), "my-team-2");
  EXPECT_EQ(slug_from("日本 a 日本"), "a");
  EXPECT_EQ(slug_from("日本"), "");
  EXPECT_EQ(slug_from(""), "");
}

TEST(CoreSlug, BrokenBytesSeparateToo) {
  EXPECT_EQ(slug_from("a\xD0"), "a");
  EXPECT_EQ(slug_from("a\xFF\xFE\x62"), "a-b");
  EXPECT_EQ(slug_from(std::string("a\0b", 3)), "a-b");
}

TEST(CoreSlug, IsCutWithoutALooseHyphen) {
  EXPECT_EQ(slug_from(repeat("a", 60)), repeat("a", 50));
  EXPECT_EQ(slug_from(repeat("a", 49) + " b"), repeat("a", 49));
  EXPECT_EQ(slug_from(repeat("щ", 30)).size(), kSlugCharacters);
}

TEST(CoreSlug, WhatIsMadeIsOne) {
  for (const char* name : {"a", "Команда", "My Team", "1"}) EXPECT_TRUE(is_slug(slug_from(name))) << name;
}

TEST(CoreSlug, Tells) {
  for (const char* good : {"a", "a-b_c", "-", "команда-1", "日本", "é"}) EXPECT_TRUE(is_slug(good)) << good;
  for (const char* bad :
       {"", "A", "a b", "a/b", "a.b", "a%20", "a\n", "a\x7F", "a\u00A0b", "a\u200Bb", "a\u202Eb", "\uFEFFa", "a\xFF"})
    EXPECT_FALSE(is_slug(bad)) << bad;
  EXPECT_TRUE(is_slug(repeat("ж", 50)));
  EXPECT_FALSE(is_slug(repeat("ж", 51)));
}

}  // namespace
}  // namespace atelier::core
