// SPDX-License-Identifier: PostgreSQL
// Any settings of a generation: the input is a JSON object that jsonb takes and a request can carry, without internal
// keys, and building it twice changes nothing. The first byte chooses action and model, the rest are the settings.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/json.hpp"
#include "core/text.hpp"
#include "replicate/input.hpp"
#include "replicate/request.hpp"
#include "require.hpp"

namespace {

using namespace atelier::replicate;
namespace json = atelier::core::json;

constexpr std::string_view kActions[] = {"create", "remove_bg", "inpaint", "video_i2v"};
constexpr std::string_view kModels[] = {
    "owner/name", "kwaivgi/kling-v2.1", "minimax/hailuo-02", "bytedance/seedance-1-pro", "google/veo-3", ""};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data + 1), size - 1);
  const json::Parsed settings = json::parse(json::clean_for_jsonb(rest));
  InputSource source;
  source.action = kActions[data[0] % std::size(kActions)];
  source.model = kModels[data[0] / std::size(kActions) % std::size(kModels)];
  source.settings = settings.root();
  if (data[0] & 0x40) source.prompt = rest.substr(0, 100);
  if (data[0] & 0x80) source.image_url = rest.substr(0, 100);

  const BuiltInput built = build_input(source);
  require(static_cast<bool>(built) != built.json.empty());
  if (!built) return 0;
  const json::Parsed input = json::parse(built.json);
  require(input && input.root().is_object());
  require(atelier::core::text::is_clean_utf8(built.json));
  for (const json::Member member : input.root().members()) require(!is_internal_setting(member.key));
  require(static_cast<bool>(create_prediction({ReferenceKind::model, "owner", "name", {}}, built.json, {})));

  InputSource again;
  again.action = source.action;
  again.model = source.model;
  again.settings = input.root();
  const BuiltInput twice = build_input(again);
  require(twice && json::equal(json::parse(twice.json).root(), input.root()));
  return 0;
}
