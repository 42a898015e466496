// SPDX-License-Identifier: PostgreSQL
#include "core/cost.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace atelier::core {
namespace {

TEST(CoreCost, HardwareByExactName) {
  EXPECT_EQ(hardware_of("black-forest-labs/flux-dev"), "gpu-a100-large");
  EXPECT_EQ(hardware_of("minimax/video-01"), "gpu-h100");
  EXPECT_EQ(hardware_of("philz1337x/clarity-upscaler"), "gpu-l40s");
  EXPECT_EQ(hardware_of("nightmareai/real-esrgan"), "gpu-t4");
  EXPECT_EQ(hardware_of("yorickvp/llava-13b"), "gpu-a40-large");
}

TEST(CoreCost, TheExactNameGoesBeforeTheFamily) {
  EXPECT_EQ(hardware_of("cjwbw/rembg"), "cpu");                           // a family of T4
  EXPECT_EQ(hardware_of("fofr/ltx-video"), "gpu-a100-large");             // a family of H100
  EXPECT_EQ(hardware_of("lucataco/real-esrgan-video"), "gpu-a40-large");  // two families
}

TEST(CoreCost, AVersionBehindTheNameDoesNotMatter) {
  EXPECT_EQ(hardware_of("cjwbw/rembg:fb8af171cfa1616ddcf1242c093f9c46bcada5ad4cf6f2fbe8b81b330ec5c003"), "cpu");
  EXPECT_EQ(hardware_of("philz1337x/clarity-upscaler:"), "gpu-l40s");
}

TEST(CoreCost, UnknownModelsFollowTheirFamily) {
  EXPECT_EQ(hardware_of("someone/my-FLUX-lora"), "gpu-a100-large");
  EXPECT_EQ(hardware_of("someone/kling-v9"), "gpu-h100");
  EXPECT_EQ(hardware_of("google/veo-9"), "gpu-h100");
  EXPECT_EQ(hardware_of("someone/upscaler"), "gpu-t4");
  EXPECT_EQ(hardware_of("someone/remove-bg-2"), "gpu-t4");
  EXPECT_EQ(hardware_of("someone/flux-video"), "gpu-a100-large");  // the first family counts
}

TEST(CoreCost, TheRestIsGuessed) {
  EXPECT_EQ(hardware_of("someone/something"), "gpu-a40-large");
  EXPECT_EQ(hardware_of(""), "gpu-a40-large");
  EXPECT_EQ(hardware_of(":"), "gpu-a40-large");
}

TEST(CoreCost, Prices) {
  EXPECT_EQ(price_micro_usd("cpu"), 100);
  EXPECT_EQ(price_micro_usd("gpu-t4"), 225);
  EXPECT_EQ(price_micro_usd("gpu-a40-large"), 725);
  EXPECT_EQ(price_micro_usd("gpu-l40s"), 975);
  EXPECT_EQ(price_micro_usd("gpu-a100-large"), 1'400);
  EXPECT_EQ(price_micro_usd("gpu-h100"), 1'525);
  EXPECT_EQ(price_micro_usd("gpu-h100-8x"), 8 * 1'525);
  EXPECT_EQ(price_micro_usd("gpu-h200"), std::nullopt);
  EXPECT_EQ(price_micro_usd(""), std::nullopt);
}

TEST(CoreCost, EveryHardwareThatAModelCanHaveHasAPrice) {
  for (const std::string_view model : {"black-forest-labs/flux-dev", "minimax/video-01", "cjwbw/rembg", "x/upscale",
                                       "philz1337x/clarity-upscaler", "nightmareai/real-esrgan", "x/y"})
    EXPECT_TRUE(price_micro_usd(hardware_of(model))) << model;
}

TEST(CoreCost, TimeTimesPriceWithSixDecimals) {
  EXPECT_EQ(cost_usd("black-forest-labs/flux-dev", 10), "0.014000");
  EXPECT_EQ(cost_usd("black-forest-labs/flux-dev", 2.5), "0.003500");
  EXPECT_EQ(cost_usd("minimax/video-01", 1'000), "1.525000");
  EXPECT_EQ(cost_usd("cjwbw/rembg", 0.01), "0.000001");
  EXPECT_EQ(cost_usd("cjwbw/rembg", 12'345.67), "1.234567");
  EXPECT_EQ(cost_usd("nightmareai/real-esrgan", 0), "0.000000");
}

TEST(CoreCost, RoundsToTheNearestMillionth) {
  EXPECT_EQ(cost_usd("cjwbw/rembg", 0.014), "0.000001");
  EXPECT_EQ(cost_usd("cjwbw/rembg", 0.016), "0.000002");
}

TEST(CoreCost, WhatIsNoRunTimeHasNoCost) {
  EXPECT_EQ(cost_usd("cjwbw/rembg", std::nullopt), std::nullopt);
  EXPECT_EQ(cost_usd("cjwbw/rembg", -0.001), std::nullopt);
  EXPECT_EQ(cost_usd("cjwbw/rembg", std::numeric_limits<double>::infinity()), std::nullopt);
  EXPECT_EQ(cost_usd("cjwbw/rembg", std::nan("")), std::nullopt);
}

TEST(CoreCost, NeverMoreThanTheColumnTakes) {
  EXPECT_EQ(cost_usd("minimax/video-01", 1e300), "9999.999999");
  EXPECT_EQ(cost_usd("minimax/video-01", 6'557'377.05), "9999.999999");
  EXPECT_EQ(cost_usd("minimax/video-01", 6'557'377), "9999.999925");
}

}  // namespace
}  // namespace atelier::core
