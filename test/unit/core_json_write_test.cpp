// SPDX-License-Identifier: PostgreSQL
// Writing JSON: what comes out is JSON that jsonb accepts, or the caller's mistake is an Error.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "core/json.hpp"

namespace atelier::core::json {
namespace {

std::string repeated(std::string_view part, size_t times) {
  std::string text;
  for (size_t i = 0; i < times; ++i) text += part;
  return text;
}

TEST(CoreJsonWrite, EachType) {
  Writer writer;
  writer.begin_object().key("a").string("x").key("b").integer(-5).key("c").boolean(true).key("d").null();
  writer.key("e").begin_array().number(0.1).number(1e300).boolean(false).begin_object().end_object().end_array();
  writer.member("f", "text").member("g", Value()).end_object();
  EXPECT_EQ(writer.take(), R"({"a":"x","b":-5,"c":true,"d":null,"e":[0.1,1e300,false,{}],"f":"text","g":null})");
}

TEST(CoreJsonWrite, AScalarMayStandAlone) {
  EXPECT_EQ(Writer().string("a").take(), R"("a")");
  EXPECT_EQ(Writer().null().take(), "null");
  EXPECT_EQ(Writer().integer(std::numeric_limits<int64_t>::min()).take(), "-9223372036854775808");
}

TEST(CoreJsonWrite, TheWriterIsEmptyAfterwards) {
  Writer writer;
  EXPECT_EQ(writer.begin_array().end_array().take(), "[]");
  EXPECT_EQ(writer.integer(1).take(), "1");
  EXPECT_THROW(writer.take(), Error);
}

TEST(CoreJsonWrite, AMovedWriterGoesOn) {
  Writer first;
  first.begin_array().integer(1);
  Writer second = std::move(first);
  EXPECT_EQ(second.integer(2).end_array().take(), "[1,2]");
}

TEST(CoreJsonWrite, NumbersThatAreNoneBecomeNull) {
  Writer writer;
  writer.begin_array().number(std::nan("")).number(std::numeric_limits<double>::infinity());
  writer.number(-std::numeric_limits<double>::infinity()).end_array();
  EXPECT_EQ(writer.take(), "[null,null,null]");
}

TEST(CoreJsonWrite, DoublesAreReadBackExactly) {
  for (const double number : {0.1, 1.0 / 3, 1e-300, 5e-324, 1.7976931348623157e308, 123456789.125})
    EXPECT_EQ(parse(Writer().number(number).take()).root().as_double(), number);
}

TEST(CoreJsonWrite, StringsAreEscaped) {
  EXPECT_EQ(Writer().string("\"\\\b\f\n\r\t\x01/").take(), R"("\"\\\b\f\n\r\t\u0001/")");
  EXPECT_EQ(Writer().string("\xC3\xA9\xF0\x9F\x98\x80").take(), "\"\xC3\xA9\xF0\x9F\x98\x80\"");
}

TEST(CoreJsonWrite, StringsAreCleaned) {
  EXPECT_EQ(Writer().string(std::string_view("a\0b", 3)).take(),
            "\"a\xEF\xBF\xBD"
            "b\"");
  EXPECT_EQ(Writer()
                .string("a\xff"
                        "b\xed\xa0\x80")
                .take(),
            "\"a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
  Writer writer;
  writer.begin_object().member("\xff", "\xfe").end_object();
  EXPECT_EQ(writer.take(), "{\"\xEF\xBF\xBD\":\"\xEF\xBF\xBD\"}");
}

TEST(CoreJsonWrite, CallsThatMakeUpNoJsonThrow) {
  EXPECT_THROW(Writer().take(), Error);
  EXPECT_THROW(Writer().begin_array().take(), Error);
  EXPECT_THROW(Writer().begin_object().take(), Error);
  EXPECT_THROW(Writer().end_array(), Error);
  EXPECT_THROW(Writer().end_object(), Error);
  EXPECT_THROW(Writer().begin_array().end_object(), Error);
  EXPECT_THROW(Writer().begin_object().end_array(), Error);
  EXPECT_THROW(Writer().integer(1).integer(2), Error);
  EXPECT_THROW(Writer().begin_array().end_array().begin_array(), Error);
}

TEST(CoreJsonWrite, KeysAreWhereKeysAreDue) {
  EXPECT_THROW(Writer().key("a"), Error);
  EXPECT_THROW(Writer().begin_array().key("a"), Error);
  EXPECT_THROW(Writer().begin_object().key("a").key("b"), Error);
  EXPECT_THROW(Writer().begin_object().key("a").end_object(), Error);
  EXPECT_THROW(Writer().begin_object().string("a"), Error);
  EXPECT_THROW(Writer().begin_object().integer(1), Error);
  EXPECT_THROW(Writer().begin_object().null(), Error);
  EXPECT_THROW(Writer().begin_object().begin_array(), Error);
  EXPECT_THROW(Writer().begin_object().value(parse(R"("a")").root()), Error);
}

TEST(CoreJsonWrite, CopiesKeepDigitsAndOrder) {
  const std::string text =
      R"({"b":[1.50,10e-1,-0,123456789012345678901234567890],"a":{"x":[],"y":{},"z":[[true,null,"\"é"]]},"b":false})";
  const Parsed parsed = parse(text);
  EXPECT_EQ(to_text(parsed.root()), text);
  EXPECT_EQ(to_text(parsed.root().find("a").find("z")), "[[true,null,\"\\\"é\"]]");
  Writer writer;
  writer.begin_array().value(parsed.root().find("a")).integer(7).value(parsed.root().find("none")).end_array();
  EXPECT_EQ(writer.take(), R"([{"x":[],"y":{},"z":[[true,null,"\"é"]]},7,null])");
}

TEST(CoreJsonWrite, CopiesFitIntoJsonb) {
  EXPECT_EQ(to_text(parse(R"(["\u0000",1e9999,1e-9999,1e8000,1e-8000])").root()),
            "[\"\xEF\xBF\xBD\",null,null,1e8000,1e-8000]");
  EXPECT_EQ(to_text(Value()), "null");
}

TEST(CoreJsonClean, WhatNeedsNoCleaningStays) {
  for (const std::string_view text :
       {"", " ", R"({"a": [1, -2.5e3, true, null, "\"\\\/\b\f\n\r\t\u0041"]})", R"("\ud83d\ude00 \uD83D\uDE00 é")",
        "[1e8000,\t-1E-8000]", R"("1e9999 \\u0000 \\ud800")", R"({"1e9999": "\\"})"})
    EXPECT_EQ(clean_for_jsonb(text), text);
}

TEST(CoreJsonClean, NulAndSurrogatesAreReplaced) {
  EXPECT_EQ(clean_for_jsonb(R"("a\u0000b")"), R"("a\ufffdb")");
  EXPECT_EQ(clean_for_jsonb(R"("\\\u0000")"), R"("\\\ufffd")");
  EXPECT_EQ(clean_for_jsonb(R"({"\u0000": 1})"), R"({"\ufffd": 1})");
  EXPECT_EQ(clean_for_jsonb(R"("\ud800")"), R"("\ufffd")");
  EXPECT_EQ(clean_for_jsonb(R"("\ud800\u0041")"), R"("\ufffd\u0041")");
  EXPECT_EQ(clean_for_jsonb(R"("\ud800\ud83d\ude00")"), R"("\ufffd\ud83d\ude00")");
  EXPECT_EQ(clean_for_jsonb(R"("\uDC00x")"), R"("\ufffdx")");
  EXPECT_EQ(clean_for_jsonb(R"("\ud83d\n")"), R"("\ufffd\n")");
  EXPECT_EQ(clean_for_jsonb(std::string_view("\"a\0b\"", 5)),
            "\"a\xEF\xBF\xBD"
            "b\"");
}

TEST(CoreJsonClean, BadUtf8IsReplacedByteByByte) {
  EXPECT_EQ(clean_for_jsonb("\"\xff\xed\xa0\x80x\xc3\""), "\"" + repeated("\xEF\xBF\xBD", 4) + "x\xEF\xBF\xBD\"");
  // Never does a bad byte hide the end of the string.
  EXPECT_EQ(clean_for_jsonb("[\"\xe2\x82\",1]"), "[\"\xEF\xBF\xBD\xEF\xBF\xBD\",1]");
}

TEST(CoreJsonClean, NumbersBeyondNumericBecomeNull) {
  EXPECT_EQ(clean_for_jsonb("[1e8001,-1E+99999999999999999999,1e-8001,5]"), "[null,null,null,5]");
  const std::string longest = "1" + repeated("0", 7'999);
  EXPECT_EQ(clean_for_jsonb(longest), longest);
  EXPECT_EQ(clean_for_jsonb(longest + "0"), "null");
}

TEST(CoreJsonClean, WhatIsNoJsonStaysNoJson) {
  for (const std::string_view text :
       {"01e9999", "+1e9999", "1e9999x", "-", "1e", "1e9999.5", "\"", "\"\\", "\"\\u00", "\"\\u0000", "[1e9999",
        "{\"a\" 1e9999}", "tru", "n1e9999", "1e9999ull", "\"\\\xff\"", "\"\\x\"", "\"\t\"", "1e99991e9999"}) {
    EXPECT_FALSE(parse(text)) << text;
    EXPECT_FALSE(parse(clean_for_jsonb(text))) << text << " -> " << clean_for_jsonb(text);
  }
}

}  // namespace
}  // namespace atelier::core::json
