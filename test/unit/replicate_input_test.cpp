// SPDX-License-Identifier: PostgreSQL
#include "replicate/input.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace atelier::replicate {
namespace {

namespace json = core::json;

class ReplicateInput : public ::testing::Test {
 protected:
  BuiltInput build(const std::string& settings) {
    const json::Parsed parsed = json::parse(settings);
    EXPECT_TRUE(parsed) << settings << ": " << parsed.error;
    source_.settings = parsed.root();
    return build_input(source_);
  }

  void expect(const std::string& settings, const std::string& input) {
    const BuiltInput built = build(settings);
    ASSERT_TRUE(built) << built.error;
    const json::Parsed found = json::parse(built.json);
    ASSERT_TRUE(found) << built.json;
    EXPECT_TRUE(json::equal(found.root(), json::parse(input).root())) << built.json << " is not " << input;
  }

  void expect_duration(const std::string& model, const std::string& asked, int64_t offered) {
    const std::string owned = model;
    source_.model = owned;
    const BuiltInput built = build(R"({"duration":)" + asked + "}");
    EXPECT_EQ(json::parse(built.json).root().find("duration").as_int64(), offered) << model << " " << asked;
  }

  InputSource source_{"create", "owner/name", std::nullopt, std::nullopt, std::nullopt, {}};
};

TEST_F(ReplicateInput, SettingsAndColumnsMakeTheInput) {
  source_.prompt = "a cat";
  source_.image_url = "https://a/i.png";
  source_.video_url = "https://a/v.mp4";
  expect(R"({"output_format":"webp"})",
         R"({"output_format":"webp","prompt":"a cat","image":"https://a/i.png","video":"https://a/v.mp4"})");
}

TEST_F(ReplicateInput, ColumnsWinOverSettings) {
  source_.prompt = "a cat";
  source_.image_url = "https://a/i.png";
  source_.video_url = "https://a/v.mp4";
  expect(R"({"prompt":"a dog","image":"https://b/i.png","video":7})",
         R"({"prompt":"a cat","image":"https://a/i.png","video":"https://a/v.mp4"})");
}

TEST_F(ReplicateInput, EmptyColumnsSayNothing) {
  source_.prompt = " ";
  source_.image_url = "";
  expect(R"({"prompt":"a dog","image":"https://b/i.png"})", R"({"prompt":"a dog","image":"https://b/i.png"})");
}

TEST_F(ReplicateInput, InternalKeysStayHere) {
  source_.prompt = "a cat";
  expect(R"({"num_outputs":"2","priority":5,"keyframe_index":3,"keyframe_group_id":"g","auto_retry_count":1,
             "fallback_provider":"fal","original_provider":"r","replicate_error":"e","fal_error":"e","keyframe_":1})",
         R"({"prompt":"a cat","num_outputs":2})");
  for (const char* key : {"priority", "auto_retry_count", "fallback_provider", "original_provider", "replicate_error",
                          "fal_error", "keyframe_parent", "keyframe_total_parts", "keyframe_input"}) {
    EXPECT_TRUE(is_internal_setting(key)) << key;
  }
  for (const char* key : {"", "prompt", "Priority", "keyframes", "last_frame_image", "my_keyframe_index"}) {
    EXPECT_FALSE(is_internal_setting(key)) << key;
  }
}

TEST_F(ReplicateInput, SettingsThatAreNoObjectCountAsEmpty) {
  source_.prompt = "a cat";
  for (const char* settings : {"null", "[]", "[1]", "\"text\"", "7", "{}"}) expect(settings, R"({"prompt":"a cat"})");
  source_.settings = {};
  EXPECT_EQ(build_input(source_).json, R"({"prompt":"a cat"})");
}

TEST_F(ReplicateInput, NothingMakesAnEmptyInput) { EXPECT_EQ(build("{}").json, "{}"); }

TEST_F(ReplicateInput, EmptyValuesAreRemoved) {
  expect(R"({"a":null,"b":"","c":" \t","d":[],"e":{},"f":0,"g":false,"h":"x","i":[null],"j":{"k":null}})",
         R"({"f":0,"g":false,"h":"x","i":[null],"j":{"k":null}})");
}

TEST_F(ReplicateInput, NumericTextsOfKnownFieldsBecomeNumbers) {
  expect(
      R"({"seed":"42","guidance_scale":"7.5","prompt_strength":" 0.8 ","num_inference_steps":"28","lora_scale":"1"})",
      R"({"seed":42,"guidance_scale":7.5,"prompt_strength":0.8,"num_inference_steps":28,"lora_scale":1})");
}

TEST_F(ReplicateInput, NumbersAreWrittenShort) {
  EXPECT_EQ(build(R"({"scale":"4","lora_scale":"2.0","strength":"0.50","cfg":"1.5e20"})").json,
            R"({"scale":4,"lora_scale":2,"strength":0.5,"cfg":150000000000000000000.0})");
}

TEST_F(ReplicateInput, WholeNumbersAreRounded) {
  expect(R"({"num_outputs":"2.6","width":1023.5,"height":"1e3","steps":-2.5,"fps":24})",
         R"({"num_outputs":3,"width":1024,"height":1000,"steps":-3,"fps":24})");
  expect(R"({"guidance_scale":3.5,"strength":0.123456789012345678})",
         R"({"guidance_scale":3.5,"strength":0.123456789012345678})");
}

TEST_F(ReplicateInput, EveryFieldForANumberIsKnown) {
  for (const std::string key :
       {"seed",           "width",       "height",         "duration",         "fps",        "frames_per_second",
        "num_frames",     "num_outputs", "num_images",     "number_of_images", "max_images", "num_inference_steps",
        "steps",          "num_steps",   "sample_steps",   "output_quality",   "quality",    "safety_tolerance",
        "top_k",          "max_tokens",  "max_new_tokens", "min_new_tokens",   "max_length", "max_completion_tokens",
        "image_size",     "target_size", "batch_size",     "motion_bucket_id", "num_beams",  "decoding_t",
        "denoising_steps"}) {
    expect("{\"" + key + "\":\"7.6\"}", "{\"" + key + "\":8}");
  }
  for (const std::string key : {"guidance",
                                "guidance_scale",
                                "cfg",
                                "cfg_scale",
                                "true_cfg_scale",
                                "strength",
                                "prompt_strength",
                                "image_prompt_strength",
                                "control_strength",
                                "denoise",
                                "denoising_end",
                                "conditioning_scale",
                                "lora_scale",
                                "scale",
                                "scale_factor",
                                "creativity",
                                "resemblance",
                                "dynamic",
                                "hdr",
                                "sharpen",
                                "temperature",
                                "top_p",
                                "sample_shift"}) {
    expect("{\"" + key + "\":\"7.6\"}", "{\"" + key + "\":7.6}");
  }
}

TEST_F(ReplicateInput, LargeSeedsKeepTheirDigits) {
  expect(R"({"seed":"9007199254740993"})", R"({"seed":9007199254740993})");
  expect(R"({"seed":9223372036854775807})", R"({"seed":9223372036854775807})");
  expect(R"({"seed":123456789012345678901234567890})", R"({"seed":123456789012345678901234567890})");
  expect(R"({"seed":"123456789012345678901234567890"})", R"({"seed":"123456789012345678901234567890"})");
}

TEST_F(ReplicateInput, OtherTextsStayTexts) {
  expect(R"({"seed":"random","quality":"high","guidance_scale":"strong","steps":"28 or so","cfg":"inf","hdr":"0x10",
             "num_outputs":"1,5","width":"NaN"})",
         R"({"seed":"random","quality":"high","guidance_scale":"strong","steps":"28 or so","cfg":"inf","hdr":"0x10",
             "num_outputs":"1,5","width":"NaN"})");
  expect(R"({"megapixels":"1","resolution":"720","prompt":"42","upscale_factor":"2"})",
         R"({"megapixels":"1","resolution":"720","prompt":"42","upscale_factor":"2"})");
}

TEST_F(ReplicateInput, TheAspectRatioOfTheImageIsLeftToTheModel) {
  expect(R"({"aspect_ratio":"match_input_image"})", R"({"aspect_ratio":"1:1"})");
  expect(R"({"aspect_ratio":"16:9"})", R"({"aspect_ratio":"16:9"})");
  expect(R"({"aspect_ratio":"match_input_image","input_image":"https://a/i.png"})",
         R"({"input_image":"https://a/i.png"})");
  expect(R"({"aspect_ratio":"match_input_image","image":"no url"})", R"({"aspect_ratio":"1:1"})");
  source_.image_url = "https://a/i.png";
  expect(R"({"aspect_ratio":"match_input_image"})", R"({"image":"https://a/i.png"})");
  expect(R"({"aspect_ratio":"16:9"})", R"({"aspect_ratio":"16:9","image":"https://a/i.png"})");
}

TEST_F(ReplicateInput, DurationsAreWhatTheFamilyOffers) {
  for (const char* model : {"kwaivgi/kling-v2.1", "wan-video/wan-2.1", "runwayml/gen4-turbo", "acme/WAN2"}) {
    for (const auto& [asked, offered] : {std::pair("1", 5), {"5", 5}, {"7", 5}, {"8", 10}, {"10", 10}, {"99", 10}})
      expect_duration(model, asked, offered);
  }
  for (const char* model : {"minimax/video-01", "minimax/hailuo-02", "acme/hailuo"}) {
    for (const auto& [asked, offered] : {std::pair("1", 6), {"6", 6}, {"8", 6}, {"9", 10}, {"10", 10}})
      expect_duration(model, asked, offered);
  }
  for (int asked = -1; asked < 20; ++asked)
    expect_duration("bytedance/seedance-1-pro", std::to_string(asked), std::clamp(asked, 2, 12));
  for (const auto& [asked, offered] : {std::pair("1", 4), {"4", 4}, {"5", 4}, {"6", 6}, {"7", 6}, {"8", 8}, {"60", 8}})
    expect_duration("google/veo-3-fast", asked, offered);
}

TEST_F(ReplicateInput, DurationsOfOtherModelsStay) {
  for (const char* model : {"luma/ray", "acme/swan", "acme/wander", "acme/veos", "acme/klingon", ""})
    expect_duration(model, "7", 7);
  expect_duration("luma/ray", "\"7.4\"", 7);
  expect_duration("kwaivgi/kling-v2.1", "\"9\"", 10);
  expect_duration("kwaivgi/kling-v2.1", "-9223372036854775808", 5);
  source_.model = "kwaivgi/kling-v2.1";
  expect(R"({"duration":"long"})", R"({"duration":"long"})");
}

TEST_F(ReplicateInput, FieldsForUrlsHoldUrls) {
  expect(R"({"image":"https://a/i.png","mask":"data:image/png;base64,AAAA","audio":"http://a/s.mp3"})",
         R"({"image":"https://a/i.png","mask":"data:image/png;base64,AAAA","audio":"http://a/s.mp3"})");
  expect(R"({"image":"blob:https://a/1","mask":"[object Object]","start_image":"undefined","image_url":"/etc/passwd",
             "audio":"C:\\s.mp3","last_frame_image":"file:///x","video":"https://a/v v.mp4","prompt":"no url"})",
         R"({"prompt":"no url"})");
}

TEST_F(ReplicateInput, EveryFieldForAUrlIsKnown) {
  for (const std::string key : {"image",
                                "image_input",
                                "image_prompt",
                                "control_image",
                                "video",
                                "video_input",
                                "video_files",
                                "reference_video",
                                "audio",
                                "audio_input",
                                "audio_file",
                                "input_audio",
                                "mask",
                                "mask_path",
                                "last_frame",
                                "first_frame",
                                "subject_reference",
                                "input_image",
                                "image_url",
                                "image_urls",
                                "images",
                                "input_images",
                                "start_image",
                                "style_reference_images",
                                "face_mask",
                                "audio_url"}) {
    expect("{\"" + key + "\":\"no url\"}", "{}");
    expect("{\"" + key + "\":\"https://a/x\"}", "{\"" + key + "\":\"https://a/x\"}");
  }
}

TEST_F(ReplicateInput, ListsOfUrlsHoldUrls) {
  expect(R"({"image_input":["https://a/1","",null,"x","data:image/png;base64,AA"],"reference_images":["x"],
             "tags":["x",""]})",
         R"({"image_input":["https://a/1","data:image/png;base64,AA"],"tags":["x",""]})");
  expect(R"({"images":[{"url":"x"}],"image_input":true,"keep_audio":true,"video":7})",
         R"({"images":[{"url":"x"}],"image_input":true,"keep_audio":true,"video":7})");
}

TEST_F(ReplicateInput, RemovingABackgroundNeedsAnImage) {
  source_.action = "remove_bg";
  EXPECT_EQ(build("{}").error, "remove_bg needs an image");
  EXPECT_EQ(build(R"({"image":"no url"})").error, "remove_bg needs an image");
  EXPECT_TRUE(build("{}").json.empty());
  expect(R"({"input_image":"https://a/i.png"})", R"({"input_image":"https://a/i.png"})");
  source_.image_url = "https://a/i.png";
  expect("{}", R"({"image":"https://a/i.png"})");
  source_.image_url = "no url";
  EXPECT_FALSE(build("{}"));
}

TEST_F(ReplicateInput, InpaintingNeedsAnImageAndAMask) {
  source_.action = "inpaint";
  EXPECT_EQ(build("{}").error, "inpaint needs an image and a mask");
  EXPECT_FALSE(build(R"({"mask":"https://a/m.png"})"));
  source_.image_url = "https://a/i.png";
  EXPECT_EQ(build("{}").error, "inpaint needs an image and a mask");
  EXPECT_FALSE(build(R"({"mask":""})"));
  EXPECT_FALSE(build(R"({"mask":"no url"})"));
  expect(R"({"mask":"https://a/m.png"})", R"({"mask":"https://a/m.png","image":"https://a/i.png"})");
  EXPECT_TRUE(build(R"({"mask":"data:image/png;base64,AA"})"));
}

TEST_F(ReplicateInput, OtherActionsNeedNothing) {
  for (const char* action : {"create", "edit", "upscale", "expand", "video_i2v", "analyze_describe", ""}) {
    source_.action = action;
    EXPECT_TRUE(build("{}")) << action;
  }
}

TEST_F(ReplicateInput, OfEqualKeysTheLastCounts) {
  expect(R"({"style":"a","style":"b"})", R"({"style":"b"})");
  EXPECT_EQ(build(R"({"style":"a","style":"b"})").json, R"({"style":"b"})");
}

TEST_F(ReplicateInput, ManySettingsAreNoBurden) {
  std::string settings = "{";
  for (int i = 0; i < 60'000; ++i) settings += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":1";
  EXPECT_EQ(json::parse(build(settings + "}").json).root().size(), 60'000U);
}

}  // namespace
}  // namespace atelier::replicate
