// SPDX-License-Identifier: PostgreSQL
#include "core/cost.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/text.hpp"

namespace atelier::core {
namespace {

struct Row {
  std::string_view name;
  std::string_view hardware;
};

constexpr std::string_view kA100 = "gpu-a100-large";
constexpr std::string_view kH100 = "gpu-h100";
constexpr std::string_view kL40s = "gpu-l40s";
constexpr std::string_view kT4 = "gpu-t4";
constexpr std::string_view kA40 = "gpu-a40-large";
constexpr std::string_view kCpu = "cpu";

constexpr std::array<Row, 37> kModels{{
    {"black-forest-labs/flux-1.1-pro", kA100},
    {"black-forest-labs/flux-1.1-pro-ultra", kA100},
    {"black-forest-labs/flux-dev", kA100},
    {"black-forest-labs/flux-schnell", kA100},
    {"black-forest-labs/flux-pro", kA100},
    {"black-forest-labs/flux-fill-pro", kA100},
    {"black-forest-labs/flux-canny-pro", kA100},
    {"black-forest-labs/flux-depth-pro", kA100},
    {"black-forest-labs/flux-redux-dev", kA100},
    {"recraft-ai/recraft-v3", kA100},
    {"recraft-ai/recraft-v3-svg", kA100},
    {"ideogram-ai/ideogram-v2", kA100},
    {"ideogram-ai/ideogram-v2-turbo", kA100},
    {"fofr/ltx-video", kA100},
    {"ideogram-ai/ideogram-v2-edit", kA100},
    {"minimax/video-01", kH100},
    {"minimax/video-01-live", kH100},
    {"google/veo-2", kH100},
    {"luma/ray", kH100},
    {"luma/ray-2", kH100},
    {"tencent/hunyuan-video", kH100},
    {"wan-video/wan-2.1", kH100},
    {"kwaivgi/kling-v1.6-pro", kH100},
    {"kwaivgi/kling-v2-master", kH100},
    {"seedance/seedance-1.0", kH100},
    {"genmo/mochi-1", kH100},
    {"meta/llama-3.2-90b-vision", kH100},
    {"philz1337x/clarity-upscaler", kL40s},
    {"nightmareai/real-esrgan", kT4},
    {"cjwbw/real-esrgan", kT4},
    {"lucataco/remove-bg", kT4},
    {"salesforce/blip", kT4},
    {"lucataco/real-esrgan-video", kA40},
    {"batouresearch/magic-image-refiner", kA40},
    {"stability-ai/stable-diffusion-inpainting", kA40},
    {"yorickvp/llava-13b", kA40},
    {"cjwbw/rembg", kCpu},
}};

// The first family whose word is in the name counts.
constexpr std::array<Row, 9> kFamilies{{
    {"flux", kA100},
    {"video", kH100},
    {"kling", kH100},
    {"wan", kH100},
    {"veo", kH100},
    {"upscale", kT4},
    {"esrgan", kT4},
    {"remove-bg", kT4},
    {"rembg", kT4},
}};

struct Price {
  std::string_view hardware;
  int64_t micro_usd;
};

constexpr std::array<Price, 15> kPrices{{
    {"cpu-small", 25},
    {kCpu, 100},
    {kT4, 225},
    {"gpu-a40-small", 575},
    {kA40, 725},
    {kL40s, 975},
    {"gpu-l40s-2x", 1'950},
    {kA100, 1'400},
    {"gpu-a100-large-2x", 2'800},
    {"gpu-a100-large-4x", 5'600},
    {"gpu-a100-large-8x", 11'200},
    {kH100, 1'525},
    {"gpu-h100-2x", 3'050},
    {"gpu-h100-4x", 6'100},
    {"gpu-h100-8x", 12'200},
}};

const Row* exact(std::string_view model) noexcept {
  const auto* row = std::find_if(kModels.begin(), kModels.end(), [&](const Row& r) { return r.name == model; });
  return row == kModels.end() ? nullptr : row;
}

// The column is numeric(10,6).
constexpr int64_t kMostMicroUsd = 9'999'999'999;

}  // namespace

std::string_view hardware_of(std::string_view model) noexcept {
  if (const Row* row = exact(model)) return row->hardware;
  if (const Row* row = exact(model.substr(0, model.find(':')))) return row->hardware;
  for (const Row& family : kFamilies) {
    if (text::contains_ignoring_case(model, family.name)) return family.hardware;
  }
  return kA40;
}

std::optional<int64_t> price_micro_usd(std::string_view hardware) noexcept {
  for (const Price& price : kPrices) {
    if (price.hardware == hardware) return price.micro_usd;
  }
  return std::nullopt;
}

std::optional<std::string> cost_usd(std::string_view model, std::optional<double> predict_time) {
  const auto price = price_micro_usd(hardware_of(model));
  if (!price || !predict_time || !std::isfinite(*predict_time) || *predict_time < 0) return std::nullopt;
  const double exact_micro = *predict_time * static_cast<double>(*price);
  const int64_t micro = exact_micro >= static_cast<double>(kMostMicroUsd) ? kMostMicroUsd : std::llround(exact_micro);
  std::string fraction = std::to_string(micro % 1'000'000);
  fraction.insert(0, 6 - fraction.size(), '0');
  return std::to_string(micro / 1'000'000) + "." + fraction;
}

}  // namespace atelier::core
