// SPDX-License-Identifier: PostgreSQL
#include "trigger/generation_limits.hpp"

#include "pg/error.hpp"
#include "pg/jsonb.hpp"
#include "trigger/allowed.hpp"
#include "trigger/generation.hpp"

namespace atelier::trigger::generation {

namespace {

constexpr size_t kPromptCharacters = 20'000;

}  // namespace

void check_limits(const pg::TriggerCall& call) {
  limit_texts(call, {&column::kAction, &column::kModelId, &column::kModelName, &column::kReplicateModel});
  limit_texts(call, {&column::kPrompt}, kPromptCharacters);
  limit_texts(call, {&column::kInputImageUrl, &column::kInputVideoUrl}, kUrlCharacters);
  limit_json(call, {&column::kReplicateInput, &column::kSettings});
  if (const auto settings = call.new_datum(column::kSettings))
    if (is_new(call, column::kSettings) && !pg::jsonb::is_object(*settings))
      pg::fail(pg::Code::invalid_parameter_value, "value for column \"settings\" is not a JSON object");
}

}  // namespace atelier::trigger::generation
