// SPDX-License-Identifier: PostgreSQL
#include "trigger/generation_limits.hpp"

#include "pg/error.hpp"
#include "pg/jsonb.hpp"
#include "trigger/allowed.hpp"
#include "trigger/generation.hpp"

namespace atelier::trigger::generation {

void check_limits(const pg::TriggerCall& call) {
  limit_texts(call, {&column::kAction, &column::kModelId, &column::kModelName, &column::kReplicateModel});
  limit_texts(call, {&column::kPrompt}, prompt_limit());
  limit_texts(call, {&column::kInputImageUrl, &column::kInputVideoUrl}, url_limit());
  limit_json(call, {&column::kReplicateInput, &column::kSettings});
  if (const auto settings = call.new_datum(column::kSettings))
    if (is_new(call, column::kSettings) && !pg::jsonb::is_object(*settings))
      pg::fail(pg::Code::invalid_parameter_value, "value for column \"settings\" is not a JSON object", {},
               "Send an object, such as {}.");
}

}  // namespace atelier::trigger::generation
