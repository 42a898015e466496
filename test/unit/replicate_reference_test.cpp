// SPDX-License-Identifier: PostgreSQL
#include "replicate/reference.hpp"

#include <gtest/gtest.h>

#include <string>

namespace atelier::replicate {
namespace {

const std::string kVersion = "7ea16386290ff5977c7812e66e462d7ec3954d8e007a8cd18ded3e7d41f5d7cf";

Reference parsed(std::string_view text) {
  const ParsedReference result = parse_model_reference(text);
  EXPECT_TRUE(result) << text << ": " << result.reason;
  EXPECT_TRUE(result.reason.empty());
  return result.reference.value_or(Reference());
}

std::string reason(std::string_view text) {
  const ParsedReference result = parse_model_reference(text);
  EXPECT_FALSE(result) << text;
  EXPECT_FALSE(result.reason.empty()) << text;
  return result.reason;
}

TEST(ReplicateReference, NamesAModel) {
  const Reference model = parsed("black-forest-labs/flux-1.1-pro");
  EXPECT_EQ(model.kind, ReferenceKind::model);
  EXPECT_EQ(model.owner, "black-forest-labs");
  EXPECT_EQ(model.name, "flux-1.1-pro");
  EXPECT_EQ(model.version, "");
}

TEST(ReplicateReference, NamesAVersionOfAModel) {
  const Reference model = parsed("prunaai/z-image-turbo:" + kVersion);
  EXPECT_EQ(model.kind, ReferenceKind::model_version);
  EXPECT_EQ(model.owner, "prunaai");
  EXPECT_EQ(model.name, "z-image-turbo");
  EXPECT_EQ(model.version, kVersion);
}

TEST(ReplicateReference, NamesABareVersion) {
  const Reference version = parsed(kVersion);
  EXPECT_EQ(version.kind, ReferenceKind::version);
  EXPECT_EQ(version.owner, "");
  EXPECT_EQ(version.name, "");
  EXPECT_EQ(version.version, kVersion);
}

TEST(ReplicateReference, NamesADeployment) {
  const Reference deployment = parsed("deployment:acme/shoes");
  EXPECT_EQ(deployment.kind, ReferenceKind::deployment);
  EXPECT_EQ(deployment.owner, "acme");
  EXPECT_EQ(deployment.name, "shoes");
  EXPECT_EQ(deployment.version, "");
}

TEST(ReplicateReference, TakesTheCharactersThatNamesHave) {
  for (const char* text : {"A/b", "_/_", "0/9", "a.b_c-D/e.f_g-H", "owner/a..b"}) parsed(text);
}

TEST(ReplicateReference, RefusesWhatIsNoName) {
  const std::string needed = "a name like owner/name is needed";
  for (const char* text :
       {"", " ", "name", "owner/", "/name", "/", "owner//name", "owner/name/more", ":", "a:b",
        "https://api.replicate.com/v1/models/owner/name", "gemini-3-pro-image-preview", "nano-banana-pro"}) {
    EXPECT_EQ(reason(text), needed) << text;
  }
}

TEST(ReplicateReference, RefusesCharactersThatWouldChangeARequest) {
  for (const std::string text :
       {"owner/name?x=1", "owner/name#x", "owner/na me", " owner/name", "owner/name ", "owner/name\n", "owner/%6eame",
        "owner/n\xc3\xa4me", "owner/name\\", "owner/name@x", "owner\t/name", "owner/name&x"}) {
    EXPECT_NE(reason(text).find("letters, digits"), std::string::npos) << text;
  }
  reason("owner/name\r\nX-Header: 1");
  reason(std::string("owner/na\0me", 11));
}

TEST(ReplicateReference, RefusesPathsThatLeadElsewhere) {
  for (const char* text : {"../predictions", "owner/..", "./name", "owner/.", "..", "../..", ".owner/name",
                           "owner/.name", "-owner/name", "owner/-name", "deployment:../name", "deployment:owner/.."}) {
    reason(text);
  }
}

TEST(ReplicateReference, TakesNothingButSixtyFourLowerCaseHexDigitsAsAVersion) {
  const std::string needed = "a version has 64 lower-case hex digits";
  for (const std::string& version :
       {std::string(), std::string("latest"), kVersion.substr(1), kVersion + "0", std::string(64, 'A'),
        std::string(64, 'g'), kVersion + ":" + kVersion, kVersion.substr(1) + " "}) {
    EXPECT_EQ(reason("owner/name:" + version), needed) << version;
  }
  reason(kVersion.substr(1));
  reason(kVersion + "0");
  reason(std::string(64, 'A'));
  reason(":" + kVersion);
  reason("owner:" + kVersion);
}

TEST(ReplicateReference, RefusesDeploymentsThatAreNone) {
  for (const char* text : {"deployment:", "deployment:owner", "deployment:owner/", "deployment:/name",
                           "deployment:owner/name/more", "deployment:deployment:owner/name", "Deployment:owner/name"}) {
    reason(text);
  }
  reason("deployment:owner/name:" + kVersion);
  EXPECT_EQ(reason("deployment:owner"), "a deployment is written as deployment:owner/name");
}

TEST(ReplicateReference, RefusesModelsOfOtherProviders) {
  for (const char* text :
       {"fal-ai/kling-video/o1/video-to-video/edit", "fal-ai/kling-video/v1/standard/text-to-video",
        "higgsfield-ai/dop/lite", "higgsfield-ai/soul/standard", "fal-ai/flux", "Fal-AI/flux", "higgsfield-ai/x"}) {
    EXPECT_EQ(reason(text), "it is a model of another provider") << text;
  }
  parsed("fal/flux");
}

TEST(ReplicateReference, RefusesMoreThan255Bytes) {
  parsed("owner/" + std::string(249, 'n'));
  EXPECT_EQ(reason("owner/" + std::string(250, 'n')), "it is longer than 255 bytes");
  reason(std::string(1'000'000, 'a'));
}

TEST(ReplicateReference, NeverRepeatsTheText) {
  for (const std::string secret : {"zq7", "zq7/", "zq7/zq7/zq7", "zq7/zq7:zq7", "zq7/z q7", "deployment:zq7"}) {
    EXPECT_EQ(reason(secret).find("zq7"), std::string::npos) << secret;
  }
}

TEST(ReplicateReference, EncodesEverythingThatIsNoPlainCharacter) {
  EXPECT_EQ(percent_encode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(percent_encode("a/b?c#d e%f"), "a%2Fb%3Fc%23d%20e%25f");
  EXPECT_EQ(percent_encode("\xc3\xbc\r\n"), "%C3%BC%0D%0A");
  EXPECT_EQ(percent_encode(std::string_view("\0\xff", 2)), "%00%FF");
  EXPECT_EQ(percent_encode(""), "");
}

}  // namespace
}  // namespace atelier::replicate
