// SPDX-License-Identifier: PostgreSQL
// Reading JSON: what is JSON, what the limits are, and that asking a value for what it is not gives nothing.
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "core/json.hpp"

namespace atelier::core::json {
namespace {

std::string repeated(std::string_view part, size_t times) {
  std::string text;
  for (size_t i = 0; i < times; ++i) text += part;
  return text;
}

TEST(CoreJsonParse, EachType) {
  EXPECT_TRUE(parse("null").root().is_null());
  EXPECT_EQ(parse("true").root().as_bool(), true);
  EXPECT_EQ(parse("false").root().as_bool(), false);
  EXPECT_EQ(parse("-17").root().as_int64(), -17);
  EXPECT_EQ(parse(R"("text")").root().as_string(), "text");
  EXPECT_TRUE(parse("[]").root().is_array());
  EXPECT_TRUE(parse("{}").root().is_object());
  EXPECT_EQ(parse(" \t\r\n1 \t\r\n").root().as_int64(), 1);
}

TEST(CoreJsonParse, ElementsInOrder) {
  const Parsed parsed = parse(R"([1, [2, [3]], {"a": [4]}, "5", []])");
  const Value root = parsed.root();
  EXPECT_EQ(root.size(), 5U);
  std::vector<std::string> texts;
  for (const Value element : root.elements()) texts.push_back(to_text(element));
  EXPECT_EQ(texts, (std::vector<std::string>{"1", "[2,[3]]", R"({"a":[4]})", R"("5")", "[]"}));
}

TEST(CoreJsonParse, MembersInOrder) {
  const Parsed parsed = parse(R"({"b": {"x": 1, "y": {}}, "a": [2, 3], "": null})");
  const Value root = parsed.root();
  EXPECT_EQ(root.size(), 3U);
  std::vector<std::string> keys, texts;
  for (const Member member : root.members()) {
    keys.emplace_back(member.key);
    texts.push_back(to_text(member.value));
  }
  EXPECT_EQ(keys, (std::vector<std::string>{"b", "a", ""}));
  EXPECT_EQ(texts, (std::vector<std::string>{R"({"x":1,"y":{}})", "[2,3]", "null"}));
  EXPECT_EQ(root.find("b").find("x").as_int64(), 1);
  EXPECT_TRUE(root.find("").is_null());
  EXPECT_FALSE(root.find("x").exists());
  EXPECT_FALSE(root.find("A").exists());
}

TEST(CoreJsonParse, OfEqualKeysTheLastCounts) {
  const Parsed parsed = parse(R"({"a": 1, "b": 2, "a": {"a": 3}})");
  EXPECT_EQ(parsed.root().find("a").find("a").as_int64(), 3);
  EXPECT_EQ(parsed.root().size(), 3U);
}

TEST(CoreJsonParse, AskingForWhatAValueIsNotGivesNothing) {
  for (const std::string_view text : {"null", "true", "1", R"("a")", "[1]", R"({"a": 1})"}) {
    const Parsed parsed = parse(text);
    const Value root = parsed.root();
    EXPECT_EQ(root.as_bool().has_value(), root.is_bool()) << text;
    EXPECT_EQ(root.as_int64().has_value(), root.is_number()) << text;
    EXPECT_EQ(root.as_double().has_value(), root.is_number()) << text;
    EXPECT_EQ(!root.number_text().empty(), root.is_number()) << text;
    EXPECT_EQ(root.as_string().has_value(), root.is_string()) << text;
    EXPECT_EQ(!root.string_or_empty().empty(), root.is_string()) << text;
    EXPECT_EQ(root.elements().begin() != root.elements().end(), root.is_array()) << text;
    EXPECT_EQ(root.members().begin() != root.members().end(), root.is_object()) << text;
    EXPECT_EQ(root.find("a").exists(), root.is_object()) << text;
    EXPECT_EQ(root.size(), root.is_array() || root.is_object() ? 1U : 0U) << text;
  }
}

TEST(CoreJsonParse, AnAbsentValueIsNotEvenNull) {
  for (const Value absent : {Value(), Document().root(), parse("{").root(), parse("{}").root().find("a").find("b")}) {
    EXPECT_FALSE(absent.exists());
    EXPECT_FALSE(absent.is_null());
    EXPECT_EQ(absent.type(), Type::absent);
    EXPECT_EQ(absent.size(), 0U);
    EXPECT_FALSE(absent.find("a").exists());
    EXPECT_FALSE(absent.as_string());
    EXPECT_TRUE(absent.elements().begin() == absent.elements().end());
  }
}

TEST(CoreJsonParse, ADocumentOutlivesItsText) {
  auto text = std::make_unique<std::string>(R"({"a": "a text that is longer than any small buffer", "n": 1e5})");
  const Parsed parsed = parse(*text);
  text.reset();
  const Document copy = *parsed.document;
  EXPECT_EQ(copy.root().find("a").as_string(), "a text that is longer than any small buffer");
  EXPECT_EQ(copy.root().find("n").number_text(), "1e5");
}

TEST(CoreJsonParse, NumbersKeepTheirDigits) {
  for (const std::string_view text : {"0", "-0", "1.0", "1.50", "10e-1", "1E+5", "123456789012345678901234567890",
                                      "0.1000000000000000055511151231257827", "1e400", "-1E999999999999",
                                      "1e-999999999999", "18446744073709551615"}) {
    EXPECT_EQ(parse(text).root().number_text(), text);
    const std::string wrapped = "{\"a1e9\": [0," + std::string(text) + " ,\"1e999\"]}";
    const Parsed parsed = parse(wrapped);
    ASSERT_TRUE(parsed) << wrapped;
    const Value list = parsed.root().find("a1e9");
    ElementIterator element = list.elements().begin();
    EXPECT_EQ((*++element).number_text(), text);
    EXPECT_EQ((*++element).as_string(), "1e999");
  }
  const std::string long_number = "1" + repeated("0", 400) + ".5";
  EXPECT_EQ(parse("[" + long_number + "]").root().elements().begin().operator*().number_text(), long_number);
}

TEST(CoreJsonParse, DigitsInStringsAreNoNumbers) {
  const std::string text = R"(["\" 1e9999",1e9999,"\\",1e9999,{"1e9999\\\"":"1e9999"},1E9999])";
  EXPECT_EQ(clean_for_jsonb(text), R"(["\" 1e9999",null,"\\",null,{"1e9999\\\"":"1e9999"},null])");
  std::string joined;
  const Parsed parsed = parse(text);
  for (const Value element : parsed.root().elements()) joined += element.string_or_empty();
  EXPECT_EQ(joined, "\" 1e9999\\");
  EXPECT_EQ(parsed.root().size(), 6U);
}

TEST(CoreJsonParse, IntegersThatFit) {
  EXPECT_EQ(parse("9223372036854775807").root().as_int64(), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(parse("-9223372036854775808").root().as_int64(), std::numeric_limits<int64_t>::min());
  for (const std::string_view text : {"9223372036854775808", "-9223372036854775809", "1.0", "1e3", "1e400", "0.5"})
    EXPECT_EQ(parse(text).root().as_int64(), std::nullopt) << text;
}

TEST(CoreJsonParse, DoublesInRange) {
  EXPECT_EQ(parse("0.1").root().as_double(), 0.1);
  EXPECT_EQ(parse("-1.5e3").root().as_double(), -1500.0);
  EXPECT_EQ(parse("9007199254740993").root().as_double(), 9007199254740992.0);
  EXPECT_EQ(parse("1e400").root().as_double(), std::nullopt);
  EXPECT_EQ(parse("-1e400").root().as_double(), std::nullopt);
}

TEST(CoreJsonParse, Escapes) {
  EXPECT_EQ(parse(R"("\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\ud83d\ude00")").root().as_string(),
            "\"\\/\b\f\n\r\tA\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
  EXPECT_EQ(parse(R"("a\u0000b")").root().as_string(), std::string_view("a\0b", 3));
  EXPECT_EQ(parse(R"({"\u0061": 1})").root().find("a").as_int64(), 1);
}

TEST(CoreJsonParse, TextThatIsNoJson) {
  for (const std::string_view text : {"",
                                      " ",
                                      "nul",
                                      "tru",
                                      "True",
                                      "NaN",
                                      "Infinity",
                                      "-",
                                      "+1",
                                      "01",
                                      "1.",
                                      ".5",
                                      "1e",
                                      "1e+",
                                      "0x1",
                                      "--1",
                                      "1 2",
                                      "[",
                                      "]",
                                      "[1",
                                      "[1,]",
                                      "[,1]",
                                      "[1 2]",
                                      "{",
                                      "}",
                                      R"({"a"})",
                                      R"({"a":})",
                                      R"({"a":1,})",
                                      R"({a:1})",
                                      "{1:1}",
                                      R"({"a" 1})",
                                      R"({"a":1]})",
                                      "[1}",
                                      "'a'",
                                      "\"",
                                      "\"a",
                                      R"("\x")",
                                      R"("\u12")",
                                      R"("\u12g4")",
                                      "\"\t\"",
                                      "\"\n\"",
                                      "/**/1",
                                      "1//",
                                      "[1]x",
                                      "\xEF\xBB\xBF"
                                      "1",
                                      "1,",
                                      ",",
                                      ":"}) {
    const Parsed parsed = parse(text);
    EXPECT_FALSE(parsed) << text;
    EXPECT_FALSE(parsed.root().exists());
    EXPECT_FALSE(parsed.error.empty());
    EXPECT_LE(parsed.offset, text.size()) << text;
  }
}

TEST(CoreJsonParse, ErrorsSayWhatAndWhere) {
  const Parsed parsed = parse(R"({"a": [1, x]})");
  EXPECT_EQ(parsed.error, "invalid value");
  EXPECT_EQ(parsed.offset, 10U);
  // The places do not move when a number is large.
  EXPECT_EQ(parse(R"({"a": [1e999, x]})").offset, 14U);
}

TEST(CoreJsonParse, RefusesInvalidUtf8) {
  for (const std::string_view bad : {"\xff", "\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe2\x82", "\xed\xa0\x80",
                                     "\xed\xbf\xbf", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80"}) {
    EXPECT_FALSE(parse("\"" + std::string(bad) + "\"")) << testing::PrintToString(bad);
    EXPECT_FALSE(parse("{\"" + std::string(bad) + "\": 1}"));
  }
  for (const std::string_view good :
       {"\x7f", "\xc2\x80", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf"})
    EXPECT_EQ(parse("\"" + std::string(good) + "\"").root().as_string(), good);
}

TEST(CoreJsonParse, RefusesLoneSurrogates) {
  for (const std::string_view bad : {R"(\ud800)", R"(\ud800x)", R"(\ud800\u0041)", R"(\ud800\ud800)", R"(\udc00)",
                                     R"(x\udfff)", R"(\udc00\ud800)", R"(\ud83d\ude00\ude00)"}) {
    EXPECT_FALSE(parse("\"" + std::string(bad) + "\"")) << bad;
    EXPECT_FALSE(parse("{\"" + std::string(bad) + "\": 1}")) << bad;
  }
}

TEST(CoreJsonParse, RefusesNulBytes) {
  const Parsed parsed = parse(std::string_view("[1]\0[", 5));
  EXPECT_FALSE(parsed);
  EXPECT_EQ(parsed.offset, 3U);
  EXPECT_FALSE(parse(std::string_view("\"a\0\"", 4)));
}

TEST(CoreJsonParse, DepthIsLimited) {
  EXPECT_TRUE(parse(repeated("[", 64) + repeated("]", 64)));
  EXPECT_EQ(parse(repeated("[", 65) + repeated("]", 65)).error, "nested too deeply");
  EXPECT_TRUE(parse(repeated(R"({"a":)", 64) + "1" + repeated("}", 64)));
  EXPECT_FALSE(parse(repeated(R"({"a":)", 65) + "1" + repeated("}", 65)));
  EXPECT_TRUE(parse("[[[]],[[]]]", {100, 3, 100}));
  EXPECT_FALSE(parse("[[[]],[[[]]]]", {100, 3, 100}));
  EXPECT_FALSE(parse("[]", {100, 0, 100}));
  EXPECT_TRUE(parse("1", {100, 0, 100}));
}

TEST(CoreJsonParse, DeepNestingNeedsNoStack) {
  constexpr size_t kDepth = 300'000;
  EXPECT_FALSE(parse(repeated("[", 1'000'000)));
  const Parsed parsed = parse(repeated("[", kDepth) + repeated("]", kDepth), {kDepth * 2, kDepth, kDepth});
  ASSERT_TRUE(parsed);
  EXPECT_EQ(to_text(parsed.root()).size(), 2 * kDepth);
  EXPECT_TRUE(equal(parsed.root(), parsed.root()));
}

TEST(CoreJsonParse, ValuesAreLimited) {
  EXPECT_TRUE(parse("[1,2]", {100, 9, 3}));
  EXPECT_EQ(parse("[1,2,3]", {100, 9, 3}).error, "too many values");
  EXPECT_TRUE(parse(R"({"a":1})", {100, 9, 3}));
  EXPECT_FALSE(parse(R"({"a":1,"b":2})", {100, 9, 3}));
}

TEST(CoreJsonParse, BytesAreLimited) {
  EXPECT_TRUE(parse("[1,2]", {5, 9, 9}));
  const Parsed parsed = parse("[1,2] ", {5, 9, 9});
  EXPECT_EQ(parsed.error, "longer than 5 bytes");
  EXPECT_EQ(parsed.offset, 0U);
}

}  // namespace
}  // namespace atelier::core::json
