// SPDX-License-Identifier: PostgreSQL
// Equality as jsonb has it, by which an answer that got lost is found again in the provider's list.
#include <gtest/gtest.h>

#include <string>

#include "core/json.hpp"

namespace atelier::core::json {
namespace {

bool same(std::string_view a, std::string_view b) {
  const Parsed left = parse(a);
  const Parsed right = parse(b);
  EXPECT_TRUE(left) << a;
  EXPECT_TRUE(right) << b;
  const bool result = equal(left.root(), right.root());
  EXPECT_EQ(equal(right.root(), left.root()), result) << "not symmetric: " << a << ' ' << b;
  return result;
}

TEST(CoreJsonEqual, ScalarsByValue) {
  for (const std::string_view text : {"null", "true", "false", "1", R"("a")", R"("")", "[]", "{}"})
    EXPECT_TRUE(same(text, text)) << text;
  EXPECT_FALSE(same("true", "false"));
  EXPECT_FALSE(same(R"("a")", R"("b")"));
  EXPECT_FALSE(same(R"("a")", R"("A")"));
  EXPECT_FALSE(same(R"("a")", R"("a ")"));
}

TEST(CoreJsonEqual, TypesAreNotMixed) {
  const std::string_view texts[] = {"null",   "true",      "false", "0",  "1",  R"("")",
                                    R"("1")", R"("null")", "[]",    "{}", "[1]"};
  for (const std::string_view a : texts)
    for (const std::string_view b : texts) EXPECT_EQ(same(a, b), a == b) << a << ' ' << b;
}

TEST(CoreJsonEqual, StringsByTheirCharacters) {
  EXPECT_TRUE(same(R"("\u0041\u00e9\ud83d\ude00\/")", R"("Aé😀/")"));
  EXPECT_FALSE(same(R"("a\u0000b")", R"("a\u0000c")"));
  // Composed and decomposed are two texts, as in jsonb.
  EXPECT_FALSE(same(R"("\u00e9")", R"("e\u0301")"));
}

TEST(CoreJsonEqual, NumbersByValue) {
  for (const std::string_view one : {"1", "1.0", "1.000", "1e0", "10e-1", "0.1e1", "0.01E+2", "100e-2", "1000000e-6"})
    EXPECT_TRUE(same("1", one)) << one;
  for (const std::string_view zero : {"0", "-0", "0.0", "-0.00", "0e5", "0E-999999999999", "0.000e99999"})
    EXPECT_TRUE(same("0", zero)) << zero;
  EXPECT_TRUE(same("100", "1e2"));
  EXPECT_TRUE(same("120.50", "1.205e2"));
  EXPECT_TRUE(same("0.001", "1e-3"));
  EXPECT_TRUE(same("0.00100", "0.1e-2"));
  EXPECT_TRUE(same("10.01", "1001e-2"));
  EXPECT_TRUE(same("-12e1", "-120"));
}

TEST(CoreJsonEqual, NumbersThatDiffer) {
  EXPECT_FALSE(same("1", "-1"));
  EXPECT_FALSE(same("1", "10"));
  EXPECT_FALSE(same("1", "0.1"));
  EXPECT_FALSE(same("1", "1.0000000000000000000000000000001"));
  EXPECT_FALSE(same("10", "1.0"));
  EXPECT_FALSE(same("101", "11"));
  EXPECT_FALSE(same("1e5", "1e6"));
  EXPECT_FALSE(same("1e400", "1e401"));
  EXPECT_FALSE(same("0", "1e-400"));
  EXPECT_FALSE(same("9007199254740993", "9007199254740992"));  // the same double
  EXPECT_FALSE(same("12345678901234567890123", "12345678901234567890124"));
}

TEST(CoreJsonEqual, ArraysInOrder) {
  EXPECT_TRUE(same("[1, [2], {}]", "[1.0,[2e0],{}]"));
  EXPECT_FALSE(same("[1,2]", "[2,1]"));
  EXPECT_FALSE(same("[1]", "[1,1]"));
  EXPECT_FALSE(same("[[1],[2]]", "[[1],[3]]"));
  EXPECT_FALSE(same("[[]]", "[[[]]]"));
  EXPECT_FALSE(same("[1,[2,3]]", "[1,2,3]"));
}

TEST(CoreJsonEqual, MembersInAnyOrder) {
  EXPECT_TRUE(same(R"({"a": 1, "b": {"x": [], "y": null}})", R"({"b": {"y": null, "x": []}, "a": 1})"));
  EXPECT_FALSE(same(R"({"a": 1})", R"({"b": 1})"));
  EXPECT_FALSE(same(R"({"a": 1})", R"({"a": 1, "b": 2})"));
  EXPECT_FALSE(same(R"({"a": null})", "{}"));
  EXPECT_FALSE(same(R"({"a": 1, "b": 2})", R"({"a": 2, "b": 1})"));
  EXPECT_FALSE(same(R"({"a": {"b": 1}})", R"({"a": {"b": 2}})"));
}

TEST(CoreJsonEqual, OfEqualKeysTheLastCounts) {
  EXPECT_TRUE(same(R"({"a": 1, "a": 2})", R"({"a": 2})"));
  EXPECT_FALSE(same(R"({"a": 1, "a": 2})", R"({"a": 1})"));
  EXPECT_TRUE(same(R"({"a": 1, "b": 3, "a": 2})", R"({"b": 3, "a": 9, "a": 2})"));
  EXPECT_FALSE(same(R"({"a": 1, "a": 2})", R"({"a": 2, "b": 2})"));
}

TEST(CoreJsonEqual, ManyMembers) {
  std::string up = "{", down = "{";
  constexpr int kMembers = 20'000;
  for (int i = 0; i < kMembers; ++i) {
    up += '"' + std::to_string(i) + "\":" + std::to_string(i) + ',';
    down += '"' + std::to_string(kMembers - 1 - i) + "\":" + std::to_string(kMembers - 1 - i) + ".0,";
  }
  EXPECT_TRUE(same(up + R"("end":1})", down + R"("end":1})"));
  EXPECT_FALSE(same(up + R"("end":1})", down + R"("end":2})"));
}

TEST(CoreJsonEqual, AbsentValues) {
  const Parsed null = parse("null");
  EXPECT_TRUE(equal(Value(), Value()));
  EXPECT_FALSE(equal(Value(), null.root()));
}

}  // namespace
}  // namespace atelier::core::json
