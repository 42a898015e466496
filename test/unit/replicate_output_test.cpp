// SPDX-License-Identifier: PostgreSQL
#include "replicate/output.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace atelier::replicate {
namespace {

using Urls = std::vector<std::string>;

Output read(const std::string& json, const OutputRules& rules = {}) {
  const core::json::Parsed parsed = core::json::parse(json, {.max_depth = 256});
  EXPECT_TRUE(parsed) << parsed.error;
  return read_output(parsed.root(), rules);
}

Output read_as_text(const std::string& json) { return read(json, {.text = true}); }

std::string nested(size_t levels, const std::string& inner) {
  return std::string(levels, '[') + inner + std::string(levels, ']');
}

TEST(ReplicateOutput, OneUrl) {
  const Output output = read(R"("https://replicate.delivery/xezq/out.webp")");
  EXPECT_EQ(output.urls, Urls{"https://replicate.delivery/xezq/out.webp"});
  EXPECT_EQ(output.text, "");
  EXPECT_FALSE(output.empty());
}

TEST(ReplicateOutput, AnArrayOfUrlsInItsOrder) {
  EXPECT_EQ(read(R"(["https://a/1.png","https://a/0.png"])").urls, (Urls{"https://a/1.png", "https://a/0.png"}));
}

TEST(ReplicateOutput, AnObjectWithTheModelsOwnKeys) {
  EXPECT_EQ(read(R"({"vocals":"https://a/v.mp3","bpm":120,"no_vocals":"https://a/n.mp3"})").urls,
            (Urls{"https://a/v.mp3", "https://a/n.mp3"}));
}

TEST(ReplicateOutput, UrlsSeveralLevelsDeep) {
  EXPECT_EQ(read(R"({"images":[{"url":"https://a/0.webp","seed":42},{"url":"https://a/1.webp"}],
                     "extra":{"mask":"https://a/m.png","caption":"a cat on a mat","preview":null}})")
                .urls,
            (Urls{"https://a/0.webp", "https://a/1.webp", "https://a/m.png"}));
}

TEST(ReplicateOutput, EveryKindOfFileCounts) {
  for (const char* url : {"https://a/x.svg", "https://a/x.glb", "https://a/x.mp3", "https://a/x",
                          "https://storage.googleapis.com/replicate-files/x/out.png", "HTTPS://A/x.png"}) {
    EXPECT_EQ(read('"' + std::string(url) + '"').urls, Urls{url});
  }
}

TEST(ReplicateOutput, DataUris) {
  EXPECT_EQ(read(R"(["data:image/png;base64,iVBORw0KGgo="])").urls, Urls{"data:image/png;base64,iVBORw0KGgo="});
  EXPECT_TRUE(read(R"("data:nothing")").empty());
}

TEST(ReplicateOutput, NothingUsable) {
  for (const char* json :
       {"null", "[]", "{}", "42", "true", R"("a cat on a mat")", R"("")", R"([null,1,[],{}])", R"("http://a/x.png")",
        R"("ftp://a/x.png")", R"j("javascript:alert(1)")j", R"("see https://a/x.png")", R"("https://")",
        R"("https://a/x y.png")", R"("file:///etc/passwd")"}) {
    EXPECT_TRUE(read(json).empty()) << json;
  }
  EXPECT_TRUE(read_output({}, {}).empty()) << "absent";
}

TEST(ReplicateOutput, HttpOnlyOnThisMachineAndOnlyWhenAllowed) {
  const std::string local = R"("http://127.0.0.1:4000/_output/x/out.webp")";
  EXPECT_TRUE(read(local).empty());
  EXPECT_EQ(read(local, {.allow_loopback_http = true}).urls.size(), 1U);
  EXPECT_TRUE(read(R"("http://a/x.png")", {.allow_loopback_http = true}).empty());
  EXPECT_TRUE(read(R"("http://127.0.0.1@evil.example/x.png")", {.allow_loopback_http = true}).empty());
}

TEST(ReplicateOutput, EightLevelsAndNoMore) {
  EXPECT_EQ(read(nested(8, R"("https://a/x")")).urls.size(), 1U);
  EXPECT_TRUE(read(nested(9, R"("https://a/x")")).empty());
  EXPECT_TRUE(read(nested(150, R"("https://a/x")")).empty());
}

TEST(ReplicateOutput, ObjectsAreLevelsToo) {
  std::string inner = R"("https://a/x")";
  for (int level = 1; level <= 9; ++level) {
    inner = (level % 2 == 0 ? "[" : R"({"a":)") + inner + (level % 2 == 0 ? "]" : "}");
    EXPECT_EQ(read(inner).urls.size(), level <= 8 ? 1U : 0U) << level;
  }
}

TEST(ReplicateOutput, SixtyFourFilesAndNoMore) {
  std::string many = "[";
  for (int i = 0; i < 200; ++i) many += (i == 0 ? "" : ",") + ("\"https://a/" + std::to_string(i) + '"');
  const Output output = read(many + "]");
  ASSERT_EQ(output.urls.size(), 64U);
  EXPECT_EQ(output.urls.front(), "https://a/0");
  EXPECT_EQ(output.urls.back(), "https://a/63");
}

TEST(ReplicateOutput, AText) {
  const Output output = read_as_text(R"("a cat on a mat")");
  EXPECT_EQ(output.text, "a cat on a mat");
  EXPECT_EQ(output.urls, Urls{"a cat on a mat"}) << "where the app reads it";
}

TEST(ReplicateOutput, ChunksOfATextAreJoinedWithoutSeparator) {
  EXPECT_EQ(read_as_text(R"(["\n\n","Here is"," a haiku",":\n","a cat"," on a mat"])").text,
            "\n\nHere is a haiku:\na cat on a mat");
  EXPECT_EQ(read_as_text(R"(["a",null,1,"b",["c"]])").text, "ab");
}

TEST(ReplicateOutput, ATextInAnObject) {
  for (const char* key : {"text", "caption", "description", "prompt", "output", "result", "content", "answer"}) {
    EXPECT_EQ(read_as_text("{\"score\":1,\"other\":\"no\",\"" + std::string(key) + "\":\"a cat\"}").text, "a cat")
        << key;
  }
  EXPECT_EQ(read_as_text(R"({"answer":"8","content":"7","result":"6","output":"5","prompt":"4","description":"3",
                             "caption":"2","text":"1"})")
                .text,
            "1");
  EXPECT_EQ(read_as_text(R"({"answer":"8","content":"7","text":5})").text, "7");
}

TEST(ReplicateOutput, NoText) {
  for (const char* json : {"null", "[]", "{}", "42", R"("")", R"(" \n ")", R"(["",""])", R"({"other":"a cat"})",
                           R"({"text":null})", R"([["a"]])"}) {
    const Output output = read_as_text(json);
    EXPECT_TRUE(output.empty()) << json;
    EXPECT_EQ(output.text, "");
  }
}

TEST(ReplicateOutput, AFileIsNoTextAndATextNoFile) {
  EXPECT_EQ(read_as_text(R"("https://a/x.txt")").text, "https://a/x.txt");
  EXPECT_TRUE(read(R"(["Here is"," a haiku"])").empty());
}

}  // namespace
}  // namespace atelier::replicate
