// SPDX-License-Identifier: PostgreSQL
#include "core/claims.hpp"

#include <gtest/gtest.h>

#include <string>

namespace atelier::core {
namespace {

constexpr std::string_view kAnn = "00000000-0000-4000-8000-00000000000a";
constexpr std::string_view kBob = "00000000-0000-4000-8000-00000000000b";
const Identity kNobody;

Identity from_claims(std::string_view claims) { return identity_from(claims, {}, {}); }

std::string claims_of(std::string_view sub, std::string_view role) {
  return R"({"sub": ")" + std::string(sub) + R"(", "role": ")" + std::string(role) + R"("})";
}

std::string repeated(std::string_view part, size_t times) {
  std::string text;
  for (size_t i = 0; i < times; ++i) text += part;
  return text;
}

TEST(CoreClaims, NothingSetIsNobody) { EXPECT_EQ(identity_from({}, {}, {}), kNobody); }

TEST(CoreClaims, ReadsSubjectAndRoleAmongOtherClaims) {
  const Identity identity =
      from_claims(R"({"aud": "authenticated", "exp": 1e400, "role": "authenticated", "app": {"sub": 1, "role": "x"}, )"
                  R"("sub": "00000000-0000-4000-8000-00000000000B", "email": "caf\u00e9"})");
  EXPECT_EQ(identity.sub, parse_uuid(kBob));
  EXPECT_EQ(identity.role, "authenticated");
}

TEST(CoreClaims, OneOfTheTwoMayBeMissing) {
  EXPECT_EQ(from_claims(R"({"role": "anon"})"), (Identity{std::nullopt, "anon"}));
  EXPECT_EQ(from_claims(R"({"sub": "00000000-0000-4000-8000-00000000000a"})"), (Identity{parse_uuid(kAnn), ""}));
}

TEST(CoreClaims, OlderSettingsCountWhereTheNewerOneIsMissing) {
  EXPECT_EQ(identity_from({}, kAnn, "authenticated"), (Identity{parse_uuid(kAnn), "authenticated"}));
  EXPECT_EQ(identity_from({}, kAnn, {}), (Identity{parse_uuid(kAnn), ""}));
  EXPECT_EQ(identity_from({}, {}, "anon"), (Identity{std::nullopt, "anon"}));
  EXPECT_EQ(identity_from({}, "someone", "anon"), (Identity{std::nullopt, "anon"}));
}

TEST(CoreClaims, TheTwoSourcesAreNeverMixed) {
  EXPECT_EQ(identity_from(R"({"role": "anon"})", kAnn, "authenticated"), (Identity{std::nullopt, "anon"}));
  EXPECT_EQ(identity_from(claims_of(kBob, ""), kAnn, "authenticated"), (Identity{parse_uuid(kBob), ""}));
  for (const std::string_view malformed : {"{", "{}", "null", "[]", " ", "claims"})
    EXPECT_EQ(identity_from(malformed, kAnn, "service_role"), kNobody) << malformed;
}

TEST(CoreClaims, WhatIsNoIdentityIsNobody) {
  for (const std::string_view claims :
       {R"({"sub": 7, "role": 8})", R"({"sub": null, "role": null})", R"({"sub": "", "role": ""})",
        R"("00000000-0000-4000-8000-00000000000a")", "[]", "{", "null", "claims", "{}", "7", "true",
        R"({"sub": {"sub": "00000000-0000-4000-8000-00000000000a"}})",
        R"(["sub", "00000000-0000-4000-8000-00000000000a"])", R"({"sub": ["00000000-0000-4000-8000-00000000000a"]})",
        R"([{"sub": "00000000-0000-4000-8000-00000000000a", "role": "service_role"}])",
        R"({"SUB": "00000000-0000-4000-8000-00000000000a", "Role": "service_role"})"})
    EXPECT_EQ(from_claims(claims), kNobody) << claims;
}

TEST(CoreClaims, ASubjectThatIsNoUuidIsNoSubject) {
  for (const std::string_view sub :
       {"someone", "{00000000-0000-4000-8000-00000000000a}", " 00000000-0000-4000-8000-00000000000a",
        "00000000-0000-4000-8000-00000000000a ", "0000000000004000800000000000000a",
        "00000000-0000-4000-8000-00000000000", "00000000-0000-4000-8000-00000000000aa",
        R"(00000000-0000-4000-8000-00000000000a\u0000)"})
    EXPECT_EQ(from_claims(claims_of(sub, "authenticated")), (Identity{std::nullopt, "authenticated"})) << sub;
}

// The server would read it up to the NUL, and so as another role.
TEST(CoreClaims, ARoleWithNulIsNoRole) {
  EXPECT_EQ(from_claims(claims_of(kAnn, R"(service_role\u0000)")), (Identity{parse_uuid(kAnn), ""}));
}

TEST(CoreClaims, MalformedClaimsAreNobodyAltogether) {
  const std::string good = claims_of(kAnn, "service_role");
  ASSERT_EQ(from_claims(good), (Identity{parse_uuid(kAnn), "service_role"}));
  for (size_t length = 1; length < good.size(); ++length)
    EXPECT_EQ(from_claims(std::string_view(good).substr(0, length)), kNobody) << length;
  EXPECT_EQ(from_claims(good + "x"), kNobody);
  EXPECT_EQ(from_claims(good + good), kNobody);
  EXPECT_EQ(from_claims(claims_of(kAnn, R"(\ud800)")), kNobody);
  EXPECT_EQ(from_claims(claims_of(kAnn, R"(\udc00)")), kNobody);
  EXPECT_EQ(from_claims(claims_of(kAnn, "\xff")), kNobody);
  EXPECT_EQ(from_claims(claims_of(kAnn, std::string_view("a\0b", 3))), kNobody);
}

TEST(CoreClaims, OfEqualKeysTheLastCounts) {
  EXPECT_EQ(from_claims(R"({"role": "service_role", "role": "anon"})"), (Identity{std::nullopt, "anon"}));
  EXPECT_EQ(from_claims(R"({"role": "service_role", "role": 1})"), kNobody);
}

TEST(CoreClaims, ClaimsThatAreTooLargeOrTooDeepAreNobody) {
  EXPECT_EQ(from_claims(repeated("[", 1'000'000)), kNobody);
  EXPECT_EQ(from_claims(R"({"sub": )" + repeated(R"({"a":)", 1'000'000)), kNobody);
  EXPECT_EQ(from_claims(claims_of(std::string(kAnn) + repeated("a", 1'000'000), "anon")), kNobody);

  const Identity ann{parse_uuid(kAnn), "authenticated"};
  const auto with = [](const std::string& extra) {
    return R"({"sub": "00000000-0000-4000-8000-00000000000a", "role": "authenticated", "extra": )" + extra + "}";
  };
  EXPECT_EQ(from_claims(with('"' + repeated("x", 60'000) + '"')), ann);
  EXPECT_EQ(from_claims(with('"' + repeated("x", 70'000) + '"')), kNobody);
  EXPECT_EQ(from_claims(with(repeated("[", 31) + repeated("]", 31))), ann);
  EXPECT_EQ(from_claims(with(repeated("[", 32) + repeated("]", 32))), kNobody);
  EXPECT_EQ(from_claims(with("[0" + repeated(",0", 9'000) + "]")), ann);
  EXPECT_EQ(from_claims(with("[0" + repeated(",0", 11'000) + "]")), kNobody);
}

}  // namespace
}  // namespace atelier::core
