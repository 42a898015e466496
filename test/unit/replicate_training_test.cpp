// SPDX-License-Identifier: PostgreSQL
#include "replicate/training.hpp"

#include <gtest/gtest.h>

#include "replicate/webhook.hpp"

namespace atelier::replicate {
namespace {

using std::string_view_literals::operator""sv;

TEST(Training, PicturesAreKnownByTheirFirstBytes) {
  EXPECT_EQ(picture_kind("\xFF\xD8\xFF\xE0"sv), "jpg");
  EXPECT_EQ(picture_kind("\x89PNG\r\n\x1A\n...."sv), "png");
  EXPECT_EQ(picture_kind("RIFF\0\0\0\0WEBP"sv), "webp");
  EXPECT_EQ(picture_kind("RIFF\0\0\0\0WAVE"sv), "");
  EXPECT_EQ(picture_kind("<html>"sv), "");
  EXPECT_EQ(picture_kind({}), "");
}

TEST(Training, NamesOfPictures) {
  EXPECT_EQ(picture_name("KETTLE", 7), "a_photo_of_KETTLE_007");
  EXPECT_EQ(picture_name("KETTLE", 100), "a_photo_of_KETTLE_100");
}

TEST(Training, RequestThatCreates) {
  const auto request = create_training("o/t", std::string(64, 'a'), "acme", R"({"a":1})", "");
  ASSERT_TRUE(request);
  EXPECT_TRUE(request->creates);
  EXPECT_EQ(request->path, "/models/o/t/versions/" + std::string(64, 'a') + "/trainings");
  EXPECT_EQ(request->body, R"({"destination":"acme/atelier-loras","input":{"a":1}})");
  EXPECT_FALSE(create_training("no name", "v", "acme", "{}", ""));
  EXPECT_FALSE(create_training("o/t", "v", "acme", "[]", ""));
}

TEST(Training, WebhookNamesIt) {
  const std::string url = webhook_for_training("https://h.test/rpc/hook?k=a.b", 12);
  EXPECT_EQ(url, "https://h.test/rpc/hook?k=a.b&attempt=eq.t12");
  const auto request = create_training("o/t", "v", "acme", "{}", url);
  ASSERT_TRUE(request);
  EXPECT_NE(request->body.find(R"("webhook":")" + url + R"(","webhook_events_filter":["completed"])"),
            std::string::npos);
  EXPECT_EQ(training_in_webhook(url), 12);
  EXPECT_EQ(attempt_in_webhook(url), std::nullopt);
  EXPECT_EQ(training_in_webhook("https://h.test/rpc/hook?attempt=eq.12"), std::nullopt);
  EXPECT_EQ(training_in_webhook("https://h.test/rpc/hook?attempt=eq.t"), std::nullopt);
  EXPECT_EQ(training_in_webhook("https://h.test/rpc/hook?attempt=eq.t-1"), std::nullopt);
  EXPECT_EQ(training_in_webhook("https://h.test/rpc/hook"), std::nullopt);
}

TEST(Training, NameOfTheSetSaysWhoseItIs) {
  const auto lora = core::parse_uuid("00000000-0000-4000-8000-0000000000a1");
  ASSERT_TRUE(lora);
  const std::string name = set_name({7, *lora});
  EXPECT_EQ(name, "training-7-00000000-0000-4000-8000-0000000000a1.zip");
  const auto owner = owner_in_set_name(name);
  ASSERT_TRUE(owner);
  EXPECT_EQ(owner->training, 7);
  EXPECT_EQ(owner->lora, *lora);
  for (const char* other :
       {"", "training-.zip", "training-7.zip", "set.zip", "training-.zi",
        "training--7-00000000-0000-4000-8000-0000000000a1.zip", "training-0-00000000-0000-4000-8000-0000000000a1.zip",
        "training-7x-00000000-0000-4000-8000-0000000000a1.zip", "training-700000000-0000-4000-8000-0000000000a1.zip",
        "training-7-00000000-0000-4000-8000-0000000000ag.zip"})
    EXPECT_FALSE(owner_in_set_name(other)) << other;
}

TEST(Training, UploadsAreKnownByTheirUrl) {
  EXPECT_EQ(file_id_in("https://api.test/v1/files/abc"), "abc");
  for (const char* other :
       {"", "/v1/files/abc", "https://api.test/v1/files/", "https://api.test/v1/files/abc/download",
        "https://own.test/sets/1.zip", "https://api.test/v1/files/a?b", "https://api.test/v1/files/a b"})
    EXPECT_EQ(file_id_in(other), "") << other;
  EXPECT_EQ(get_file("abc").path, "/files/abc");
  EXPECT_EQ(parse_file_name(R"({"name":"a.zip"})"), "a.zip");
  EXPECT_EQ(parse_file_name("[]"), "");
}

TEST(Training, StyleIsStyleAndAllElseASubject) {
  EXPECT_EQ(training_input("https://f.test/1", "W", "style"),
            R"({"input_images":"https://f.test/1","trigger_word":"W","lora_type":"style"})");
  EXPECT_NE(training_input("u", "W", "product").find(R"("subject")"), std::string::npos);
}

TEST(Training, UploadedFile) {
  const auto file = parse_file(R"({"id":"f1","urls":{"get":"https://f.test/f1"}})");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->url, "https://f.test/f1");
  EXPECT_FALSE(parse_file(R"({"id":"f1"})"));
  EXPECT_FALSE(parse_file("<html>"));
}

TEST(Training, NextPageStaysAtTheList) {
  const auto next = next_training_page("https://a.test/v1/trainings?cursor=x");
  ASSERT_TRUE(next);
  EXPECT_EQ(next->path, "/trainings?cursor=x");
  EXPECT_FALSE(next_training_page("https://a.test/v1/predictions?cursor=x"));
}

TEST(Training, FoundByItsInput) {
  const auto page = parse_page(R"({"results":[{"id":"x","input":{"a":2}},{"id":"y","input":{"a":1}},)"
                               R"({"id":"z","created_at":"2026-01-01T00:00:00Z"},)"
                               R"({"id":"w","webhook":"https://h.test/?attempt=eq.t5"}]})");
  ASSERT_TRUE(page);
  const auto input = core::json::parse(R"({"a":1.0})");
  ASSERT_NE(find_training(*page, input.root(), ""), nullptr);
  EXPECT_EQ(find_training(*page, input.root(), "")->id, "y");
  const auto other = core::json::parse(R"({"a":3})");
  EXPECT_EQ(find_training(*page, other.root(), ""), nullptr);
  ASSERT_NE(find_training(*page, other.root(), "https://h.test/?attempt=eq.t5"), nullptr);
  EXPECT_EQ(find_training(*page, other.root(), "https://h.test/?attempt=eq.t5")->id, "w");
  EXPECT_TRUE(may_hide_training(*page, 1'767'225'600'000'000, 4));
  EXPECT_FALSE(may_hide_training(*page, 1'767'925'600'000'000, 4));
  EXPECT_TRUE(may_hide_training(*page, 1'767'925'600'000'000, 5));
}

TEST(Training, Results) {
  const auto seen = parse_prediction(R"({"id":"t","output":{"version":"a/b:1","weights":"https://w.test/x.tar"}})");
  EXPECT_EQ(training_result(*seen).weights, "https://w.test/x.tar");
  EXPECT_EQ(training_result(*seen).version, "a/b:1");
  EXPECT_EQ(training_result(*parse_prediction(R"({"id":"t","output":{"weights":"file:///etc/passwd"}})")).weights, "");
}

}  // namespace
}  // namespace atelier::replicate
