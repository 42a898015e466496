// SPDX-License-Identifier: PostgreSQL
#include "core/media.hpp"

#include <gtest/gtest.h>

namespace atelier::core {
namespace {

TEST(CoreMedia, ByTheEndingOfTheName) {
  EXPECT_EQ(media_kind("https://replicate.delivery/a/out-0.webp"), "image");
  EXPECT_EQ(media_kind("https://replicate.delivery/a/OUT.PNG?x=1.mp4#y.mp3"), "image");
  EXPECT_EQ(media_kind("https://replicate.delivery/a/out.svg"), "image");
  EXPECT_EQ(media_kind("https://replicate.delivery/a/out.mp4"), "video");
  EXPECT_EQ(media_kind("https://replicate.delivery/a/vocals.mp3"), "audio");
  EXPECT_EQ(media_kind("https://replicate.delivery/a/mesh.glb"), "model");
}

TEST(CoreMedia, ByTheTypeOfADataUri) {
  EXPECT_EQ(media_kind("data:image/png;base64,AAAA"), "image");
  EXPECT_EQ(media_kind("data:audio/wav;base64,AAAA"), "audio");
  EXPECT_EQ(media_kind("data:text/plain,a.png"), "file");
}

TEST(CoreMedia, TheRestIsAFile) {
  for (const char* url : {"", "https://replicate.delivery/a/out", "https://replicate.delivery/v1.png/out",
                          "https://replicate.delivery/a/out.tar", "https://replicate.delivery/a/out."})
    EXPECT_EQ(media_kind(url), "file") << url;
}

}  // namespace
}  // namespace atelier::core
