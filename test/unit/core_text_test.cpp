// SPDX-License-Identifier: PostgreSQL
#include "core/text.hpp"

#include <gtest/gtest.h>

#include <string>

namespace atelier::core::text {
namespace {

constexpr std::string_view kEuro = "\xE2\x82\xAC";
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

TEST(CoreText, Utf8AsTheServerAcceptsIt) {
  for (const std::string_view good : {"", "abc", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                                      "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "€"}) {
    EXPECT_TRUE(is_clean_utf8(good)) << good;
    EXPECT_EQ(clean_utf8(good), good);
  }
  for (const std::string_view bad : {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x9f\xbf",
                                     "\xe2\x82", "\xe2\x82\x41", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf",
                                     "\xf0\x90\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"}) {
    EXPECT_FALSE(is_clean_utf8(bad)) << testing::PrintToString(bad);
    EXPECT_FALSE(is_clean_utf8("a" + std::string(bad) + "b"));
    EXPECT_TRUE(is_clean_utf8(clean_utf8(bad)));
  }
  EXPECT_FALSE(is_clean_utf8(std::string_view("a\0b", 3)));
  // What lies behind the end does not count.
  EXPECT_FALSE(is_clean_utf8(kEuro.substr(0, 2)));
}

TEST(CoreText, EachBadByteIsReplaced) {
  const std::string r(kReplacement);
  EXPECT_EQ(clean_utf8(std::string_view("a\0b", 3)), "a" + r + "b");
  EXPECT_EQ(clean_utf8("a\xff"
                       "b"),
            "a" + r + "b");
  EXPECT_EQ(clean_utf8("\xed\xa0\x80"), r + r + r);
  EXPECT_EQ(clean_utf8("\xe2\x82"), r + r);
  EXPECT_EQ(clean_utf8("\xe2\x82\xE2\x82\xAC"), r + r + std::string(kEuro));
}

TEST(CoreText, FirstCharsCountsCharacters) {
  EXPECT_EQ(first_chars("a€b", 0), "");
  EXPECT_EQ(first_chars("a€b", 1), "a");
  EXPECT_EQ(first_chars("a€b", 2), "a€");
  EXPECT_EQ(first_chars("a€b", 3), "a€b");
  EXPECT_EQ(first_chars("a€b", 99), "a€b");
  EXPECT_EQ(first_chars("", 5), "");
}

TEST(CoreText, FirstAndLastBytesCutNoCharacter) {
  EXPECT_EQ(first_bytes("a€b", 5), "a€b");
  EXPECT_EQ(first_bytes("a€b", 4), "a€");
  EXPECT_EQ(first_bytes("a€b", 3), "a");
  EXPECT_EQ(first_bytes("a€b", 2), "a");
  EXPECT_EQ(first_bytes("€", 2), "");
  EXPECT_EQ(first_bytes("ab", 0), "");
  EXPECT_EQ(last_bytes("a€b", 5), "a€b");
  EXPECT_EQ(last_bytes("a€b", 4), "€b");
  EXPECT_EQ(last_bytes("a€b", 3), "b");
  EXPECT_EQ(last_bytes("a€b", 1), "b");
  EXPECT_EQ(last_bytes("€", 2), "");
  EXPECT_EQ(last_bytes("ab", 0), "");
}

TEST(CoreText, OneLineHasNoControlCharacters) {
  EXPECT_EQ(one_line("a\nb"), "a b");
  EXPECT_EQ(one_line("a\r\n\t\vb\x7f"
                     "c"),
            "a b c");
  EXPECT_EQ(one_line("\n a \n"), "a");
  EXPECT_EQ(one_line(std::string_view("a\0b", 3)), "a b");
  EXPECT_EQ(one_line("a  b€"), "a  b€");
  EXPECT_EQ(one_line("a\r\n b \nc"), "a b c");
  EXPECT_EQ(one_line("\r\n\t"), "");
  EXPECT_TRUE(has_control_characters("a\tb"));
  EXPECT_TRUE(has_control_characters("\x7f"));
  EXPECT_TRUE(has_control_characters(std::string_view("\0", 1)));
  EXPECT_FALSE(has_control_characters("a b€"));
  EXPECT_FALSE(has_control_characters(""));
}

TEST(CoreText, Trim) {
  EXPECT_EQ(trim(" \t\r\n\f\va b\v\f\n\r\t "), "a b");
  EXPECT_EQ(trim(" \n"), "");
  EXPECT_EQ(trim(""), "");
  EXPECT_EQ(trim("\xC2\xA0"
                 "a"),
            "\xC2\xA0"
            "a");
}

TEST(CoreText, CaseIsAscii) {
  EXPECT_EQ(lower("ABZ @[`{ÄÖ"), "abz @[`{ÄÖ");
  EXPECT_TRUE(contains_ignoring_case("Less Than $5", "less than"));
  EXPECT_TRUE(contains_ignoring_case("abc", ""));
  EXPECT_TRUE(contains_ignoring_case("", ""));
  EXPECT_TRUE(contains_ignoring_case("abC", "bc"));
  EXPECT_FALSE(contains_ignoring_case("abc", "abcd"));
  EXPECT_FALSE(contains_ignoring_case("[", "{"));
  EXPECT_TRUE(starts_with_ignoring_case("Bearer x", "bearer"));
  EXPECT_TRUE(starts_with_ignoring_case("x", ""));
  EXPECT_FALSE(starts_with_ignoring_case("xbearer", "bearer"));
  EXPECT_FALSE(starts_with_ignoring_case("bear", "bearer"));
}

TEST(CoreText, HttpUrls) {
  for (const std::string_view url : {"https://a", "HTTPS://a.test/x?y#z", "https://[::1]:80/", "https://u@a/"}) {
    EXPECT_TRUE(is_http_url(url)) << url;
    EXPECT_TRUE(is_https_url(url)) << url;
  }
  EXPECT_TRUE(is_http_url("http://a"));
  EXPECT_FALSE(is_https_url("http://a"));
  for (const std::string_view url :
       {"", "https://", "https:///x", "https://?x", "https://#", "https://:80", "https://@a", "https:/a", "https:a",
        "//a", " https://a", "https://a b", "https://a\n", "https://a\tb", "https://a\\b", "ftp://a", "javascript:x",
        "xhttps://a"})
    EXPECT_FALSE(is_http_url(url)) << url;
}

TEST(CoreText, LoopbackUrls) {
  for (const std::string_view url : {"http://127.0.0.1", "http://127.0.0.1:8080/v1", "http://localhost/x",
                                     "http://[::1]:1/", "HTTP://LOCALHOST:1?x", "http://localhost#x"})
    EXPECT_TRUE(is_loopback_http_url(url)) << url;
  for (const std::string_view url :
       {"https://127.0.0.1", "http://127.0.0.1.evil.test", "http://localhost.evil.test/", "http://localhost@evil.test/",
        "http://localhost:80@evil.test/", "http://evil.test/127.0.0.1", "http://127.0.0.12", "http://localhost:8x/",
        "http://localhost\\@evil.test", "http://[::1]x", "localhost", ""})
    EXPECT_FALSE(is_loopback_http_url(url)) << url;
}

TEST(CoreText, DataUris) {
  EXPECT_TRUE(is_data_uri("data:image/png;base64,AAAA"));
  EXPECT_TRUE(is_data_uri("DATA:text/plain,"));
  for (const std::string_view text :
       {"data:image/png;base64", "data:,x", "data:image,x", "data:/png,x", "data:image/,x", "data:;image/png,x",
        "data:image/p\nng,x", "xdata:image/png,x", "", "data:"})
    EXPECT_FALSE(is_data_uri(text)) << text;
}

TEST(CoreText, UrlPaths) {
  EXPECT_EQ(url_path("https://a.test/v1/predictions?x=/y#z"), "/v1/predictions");
  EXPECT_EQ(url_path("https://a.test"), "/");
  EXPECT_EQ(url_path("https://a.test?x=/y"), "/");
  EXPECT_EQ(url_path("https://a.test#/y"), "/");
  EXPECT_EQ(url_path("/v1/x?next=https://b/c"), "/v1/x");
  EXPECT_EQ(url_path("?x"), "/");
  EXPECT_EQ(url_path(""), "/");
}

TEST(CoreText, SecretsAreRedacted) {
  EXPECT_EQ(redact("token r8_abcDEF123 refused"), "token [redacted] refused");
  EXPECT_EQ(redact("R8_abc,r8_def"), "[redacted],[redacted]");
  EXPECT_EQ(redact("r8_"), "[redacted]");
  EXPECT_EQ(redact("key=whsec_ab+/c= x"), "key=[redacted] x");
  EXPECT_EQ(redact("Authorization: Bearer abcdefghijklmnop"), "Authorization: Bearer [redacted]");
  EXPECT_EQ(redact("authorization: TOKEN abcdefghijklmnop."), "authorization: TOKEN [redacted]");
  EXPECT_EQ(redact(R"({"token": "abcdefghijklmnop"})"), R"({"token": "[redacted]"})");
  EXPECT_EQ(redact("access_token=abcdefghijklmnop&x=1"), "access_token=[redacted]&x=1");
  EXPECT_EQ(redact("https://user:pass@a.test/x"), "https://[redacted]@a.test/x");
  EXPECT_EQ(redact("https://user:p@ss@a.test"), "https://[redacted]@a.test");
}

TEST(CoreText, ProseIsNot) {
  for (const std::string_view text :
       {"", "the token was disabled", "Bearer short", "tokenabcdefghijklmnopq", "mr8_abc", "https://a.test/x@y",
        "https://a.test?x=u:p@b", "token", "bearer ", "http://a.test\nb@c"})
    EXPECT_EQ(redact(text), text);
}

}  // namespace
}  // namespace atelier::core::text
