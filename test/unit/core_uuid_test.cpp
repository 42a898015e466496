// SPDX-License-Identifier: PostgreSQL
#include "core/uuid.hpp"

#include <gtest/gtest.h>

#include <set>
#include <unordered_set>

namespace atelier::core {
namespace {

constexpr std::string_view kText = "01234567-89ab-cdef-fedc-ba9876543210";

TEST(CoreUuid, ReadsTheFormThatTheServerWrites) {
  const auto uuid = parse_uuid(kText);
  ASSERT_TRUE(uuid);
  const std::array<uint8_t, 16> expected{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                                         0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};
  EXPECT_EQ(uuid->bytes, expected);
}

TEST(CoreUuid, EitherCase) {
  EXPECT_EQ(parse_uuid("01234567-89AB-CDEF-FEDC-BA9876543210"), parse_uuid(kText));
  EXPECT_EQ(parse_uuid("01234567-89aB-CdEf-fEdC-bA9876543210"), parse_uuid(kText));
}

TEST(CoreUuid, WritesLowerCase) {
  EXPECT_EQ(to_string(*parse_uuid("01234567-89AB-CDEF-FEDC-BA9876543210")), kText);
  EXPECT_EQ(to_string(Uuid{}), "00000000-0000-0000-0000-000000000000");
  Uuid full;
  full.bytes.fill(0xff);
  EXPECT_EQ(to_string(full), "ffffffff-ffff-ffff-ffff-ffffffffffff");
}

TEST(CoreUuid, RefusesEveryOtherForm) {
  for (const std::string_view text :
       {"", "-", "01234567-89ab-cdef-fedc-ba987654321", "01234567-89ab-cdef-fedc-ba98765432100",
        "{01234567-89ab-cdef-fedc-ba9876543210}", "0123456789abcdeffedcba9876543210",
        " 01234567-89ab-cdef-fedc-ba9876543210", "01234567-89ab-cdef-fedc-ba9876543210 ",
        " 1234567-89ab-cdef-fedc-ba9876543210", "0x234567-89ab-cdef-fedc-ba9876543210",
        "01234567_89ab_cdef_fedc_ba9876543210", "0123-4567-89ab-cdef-fedc-ba98765432-",
        "012345678-9ab-cdef-fedc-ba9876543210", "01234567-89ab-cdef-fedcba-9876543210",
        "+1234567-89ab-cdef-fedc-ba9876543210", "urn:uuid:01234567-89ab-cdef-fedc-ba9876543210"})
    EXPECT_EQ(parse_uuid(text), std::nullopt) << text;
}

TEST(CoreUuid, RefusesABadCharacterAtEveryPlace) {
  // The neighbours of the digits and letters in ASCII, a NUL, and bytes above it.
  for (const char bad : {'/', ':', '@', 'G', '`', 'g', '\0', '\xff', '-', '0'}) {
    for (size_t i = 0; i < kText.size(); ++i) {
      std::string text(kText);
      const bool dash_place = text[i] == '-';
      if (dash_place ? bad == '-' : bad == '0') continue;
      text[i] = bad;
      EXPECT_EQ(parse_uuid(text), std::nullopt) << text;
    }
  }
}

TEST(CoreUuid, OrderIsThatOfTheBytes) {
  const auto low = parse_uuid("00000000-0000-0000-0000-0000000000ff");
  const auto middle = parse_uuid("7f000000-0000-0000-0000-000000000000");
  const auto high = parse_uuid("80000000-0000-0000-0000-000000000000");
  EXPECT_LT(*low, *middle);
  EXPECT_LT(*middle, *high);
  EXPECT_EQ(*high, *parse_uuid("80000000-0000-0000-0000-000000000000"));
  EXPECT_EQ((std::set<Uuid>{*high, *low, *middle, *low}.size()), 3U);
}

TEST(CoreUuid, HashTellsIdsApartThatDifferInOneHalf) {
  const UuidHash hash;
  for (const size_t half : {size_t{0}, size_t{8}}) {
    std::unordered_set<size_t> hashes;
    for (size_t place = half; place < half + 8; ++place) {
      for (int value = 1; value < 256; ++value) {
        Uuid uuid;
        uuid.bytes[place] = static_cast<uint8_t>(value);
        hashes.insert(hash(uuid));
        EXPECT_EQ(hash(uuid), hash(Uuid(uuid)));
      }
    }
    EXPECT_EQ(hashes.size(), 8U * 255U);
  }
}

}  // namespace
}  // namespace atelier::core
