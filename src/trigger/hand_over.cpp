// SPDX-License-Identifier: PostgreSQL
#include "trigger/hand_over.hpp"

#include <optional>

#include "core/json.hpp"
#include "core/text.hpp"
#include "pg/jsonb.hpp"
#include "replicate/input.hpp"
#include "replicate/reference.hpp"
#include "trigger/generation.hpp"

namespace atelier::trigger::generation {

namespace {

constexpr size_t kShownCharacters = 100;

Refusal judge_model(const std::string& model) {
  const replicate::ParsedReference parsed = replicate::parse_model_reference(model);
  if (parsed) return {};
  return {"model \"" + core::text::one_line(core::text::first_chars(model, kShownCharacters)) +
              "\" cannot be queued: " + parsed.reason,
          "Name a model of Replicate as owner/name, owner/name:version or deployment:owner/name, or insert the row as "
          "pending when another provider runs it."};
}

std::optional<std::string_view> view(const std::optional<std::string>& text) {
  return text ? std::optional<std::string_view>(*text) : std::nullopt;
}

Refusal build_input(pg::TriggerCall& call, const std::string& model) {
  const std::string action = call.new_value<std::string>(column::kAction).value_or("");
  const auto prompt = call.new_value<std::string>(column::kPrompt);
  const auto image = call.new_value<std::string>(column::kInputImageUrl);
  const auto video = call.new_value<std::string>(column::kInputVideoUrl);
  const core::json::Parsed settings = core::json::parse(call.new_printed(column::kSettings).value_or("{}"));
  if (!settings) return {"settings cannot be read: " + settings.error, {}};

  const replicate::BuiltInput input =
      replicate::build_input({action, model, view(prompt), view(image), view(video), settings.root()});
  if (!input) return {"input of the generation cannot be built: " + input.error, {}};
  call.set(column::kReplicateInput, pg::Arg::of(pg::Jsonb{input.json}));
  return {};
}

}  // namespace

Refusal prepare_hand_over(pg::TriggerCall& call) {
  const std::string model = call.new_value<std::string>(column::kReplicateModel).value_or("");
  if (Refusal refusal = judge_model(model)) return refusal;
  const auto input = call.new_datum(column::kReplicateInput);
  if (!input) return build_input(call, model);
  if (!pg::jsonb::is_object(*input)) return {"value for column \"replicate_input\" is not a JSON object", {}};
  return {};
}

}  // namespace atelier::trigger::generation
