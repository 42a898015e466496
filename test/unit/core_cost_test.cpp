// SPDX-License-Identifier: PostgreSQL
#include "core/cost.hpp"

#include <gtest/gtest.h>

namespace atelier::core {
namespace {

constexpr int64_t kNow = 1'000'000;

Price price(const char* metric, double usd, const char* tier = "{}", int64_t valid_from_us = 0) {
  return {metric, *json::parse(tier).document, usd, valid_from_us};
}

PriceList list_of(std::initializer_list<Price> prices) {
  PriceList list;
  for (const Price& one : prices) list.add("rule", one);
  return list;
}

std::optional<std::string> cost(const PriceList& list, std::string_view metrics, bool succeeded = true,
                                int64_t ended_us = kNow) {
  const json::Parsed parsed = json::parse(metrics);
  return list.cost_usd("rule", {parsed.root(), succeeded, ended_us});
}

const auto kUnknown = std::optional<std::string>();

TEST(CoreCost, TimeTimesPriceWithSixDecimals) {
  const PriceList list = list_of({price("predict_time", 0.0014)});
  EXPECT_EQ(cost(list, R"({"predict_time":10})"), "0.014000");
  EXPECT_EQ(cost(list, R"({"predict_time":2.5})"), "0.003500");
  EXPECT_EQ(cost(list, R"({"predict_time":0})"), "0.000000");
  EXPECT_EQ(cost(list, R"({"predict_time":3e-06})"), "0.000000");
  EXPECT_EQ(cost(list_of({price("predict_time", 0.0001)}), R"({"predict_time":12345.67})"), "1.234567");
}

TEST(CoreCost, RoundsToTheNearestMillionth) {
  const PriceList list = list_of({price("predict_time", 0.0001)});
  EXPECT_EQ(cost(list, R"({"predict_time":0.014})"), "0.000001");
  EXPECT_EQ(cost(list, R"({"predict_time":0.016})"), "0.000002");
}

TEST(CoreCost, AFailedRunCostsItsTime) {
  EXPECT_EQ(cost(list_of({price("predict_time", 0.001)}), R"({"predict_time":7})", false), "0.007000");
}

TEST(CoreCost, WhatTheMetricsDoNotSayIsUnknown) {
  const PriceList list = list_of({price("predict_time", 0.001)});
  for (const char* metrics : {"{}", "null", "[]", R"({"predict_time":null})", R"({"predict_time":"4"})",
                              R"({"predict_time":-1})", R"({"predict_time":1e999})"})
    EXPECT_EQ(cost(list, metrics), kUnknown) << metrics;
  EXPECT_EQ(list.cost_usd("rule", {json::Value(), true, kNow}), kUnknown) << "no metrics at all";
}

TEST(CoreCost, ARuleWithoutAPriceIsUnknown) {
  const json::Parsed metrics = json::parse(R"({"predict_time":1})");
  EXPECT_EQ(list_of({price("predict_time", 1)}).cost_usd("other", {metrics.root(), true, kNow}), kUnknown);
  EXPECT_EQ(PriceList().cost_usd("", {metrics.root(), true, kNow}), kUnknown);
}

TEST(CoreCost, OutputsAndTokensAreAdded) {
  EXPECT_EQ(cost(list_of({price("image_output_count", 0.04)}), R"({"image_output_count":3,"predict_time":9})"),
            "0.120000");
  const PriceList tokens = list_of({price("token_input_count", 0.00000025), price("token_output_count", 0.000002)});
  EXPECT_EQ(cost(tokens, R"({"token_input_count":1000,"token_output_count":500})"), "0.001250");
  EXPECT_EQ(cost(tokens, R"({"token_input_count":1000})"), kUnknown) << "a part of the cost is not the cost";
}

TEST(CoreCost, APricePerRunIsForThoseThatSucceeded) {
  const PriceList list = list_of({price("run", 0.25)});
  EXPECT_EQ(cost(list, "{}"), "0.250000");
  EXPECT_EQ(cost(list, "{}", false), kUnknown);
}

TEST(CoreCost, TheNewestPriceThatHasBegunCounts) {
  const PriceList list =
      list_of({price("run", 1), price("run", 3, "{}", 300), price("run", 2, "{}", 200), price("run", 9, "{}", 900)});
  EXPECT_EQ(cost(list, "{}", true, 100), "1.000000");
  EXPECT_EQ(cost(list, "{}", true, 200), "2.000000");
  EXPECT_EQ(cost(list, "{}", true, 899), "3.000000");
  EXPECT_EQ(cost(list_of({price("run", 9, "{}", 900)}), "{}", true, 899), kUnknown) << "none has begun";
}

TEST(CoreCost, TheTierThatNamesMostCounts) {
  const PriceList list =
      list_of({price("video_output_duration_seconds", 0.1),
               price("video_output_duration_seconds", 0.2, R"({"resolution_target":"720p"})"),
               price("video_output_duration_seconds", 0.3, R"({"resolution_target":"720p","with_audio":true})")});
  EXPECT_EQ(cost(list, R"({"video_output_duration_seconds":10})"), "1.000000");
  EXPECT_EQ(cost(list, R"({"video_output_duration_seconds":10,"resolution_target":"720p"})"), "2.000000");
  EXPECT_EQ(cost(list, R"({"video_output_duration_seconds":10,"resolution_target":"720p","with_audio":false})"),
            "2.000000");
  EXPECT_EQ(cost(list, R"({"video_output_duration_seconds":10,"with_audio":true,"resolution_target":"720p"})"),
            "3.000000");
  EXPECT_EQ(cost(list_of({price("run", 1, R"({"model_variant":"pro"})")}), "{}"), kUnknown) << "no tier fits";
}

TEST(CoreCost, NeverMoreThanTheColumnTakes) {
  const PriceList list = list_of({price("predict_time", 0.001525)});
  EXPECT_EQ(cost(list, R"({"predict_time":1e300})"), "9999.999999");
  EXPECT_EQ(cost(list, R"({"predict_time":6557377.05})"), "9999.999999");
  EXPECT_EQ(cost(list, R"({"predict_time":6557377})"), "9999.999925");
  EXPECT_EQ(cost(list_of({price("predict_time", 1e300)}), R"({"predict_time":1e300})"), kUnknown);
}

}  // namespace
}  // namespace atelier::core
