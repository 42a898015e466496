// SPDX-License-Identifier: PostgreSQL
#include "core/media.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "core/text.hpp"

namespace atelier::core {
namespace {

constexpr std::string_view kFile = "file";

struct Ending {
  std::string_view ending;
  std::string_view kind;
};

constexpr std::array<Ending, 31> kEndings{{
    {"png", "image"},  {"jpg", "image"},  {"jpeg", "image"}, {"webp", "image"}, {"gif", "image"},  {"svg", "image"},
    {"avif", "image"}, {"bmp", "image"},  {"tif", "image"},  {"tiff", "image"}, {"heic", "image"}, {"mp4", "video"},
    {"webm", "video"}, {"mov", "video"},  {"mkv", "video"},  {"avi", "video"},  {"m4v", "video"},  {"mp3", "audio"},
    {"wav", "audio"},  {"ogg", "audio"},  {"flac", "audio"}, {"m4a", "audio"},  {"aac", "audio"},  {"opus", "audio"},
    {"glb", "model"},  {"gltf", "model"}, {"obj", "model"},  {"stl", "model"},  {"ply", "model"},  {"fbx", "model"},
    {"usdz", "model"},
}};

// data:image/png;base64,... names its type before the data.
std::string_view kind_of_type(std::string_view type) {
  for (const std::string_view kind : {"image", "video", "audio", "model"})
    if (text::starts_with_ignoring_case(type, kind)) return kind;
  return kFile;
}

}  // namespace

std::string_view media_kind(std::string_view url) {
  constexpr std::string_view kData = "data:";
  if (text::starts_with_ignoring_case(url, kData)) return kind_of_type(url.substr(kData.size()));
  const std::string_view path = text::url_path(url);
  const size_t dot = path.rfind('.');
  if (dot == std::string_view::npos || path.find('/', dot) != std::string_view::npos) return kFile;
  const std::string ending = text::lower(path.substr(dot + 1));
  const auto* found =
      std::find_if(kEndings.begin(), kEndings.end(), [&](const Ending& one) { return one.ending == ending; });
  return found == kEndings.end() ? kFile : found->kind;
}

}  // namespace atelier::core
