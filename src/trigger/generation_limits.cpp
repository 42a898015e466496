// SPDX-License-Identifier: PostgreSQL
#include "trigger/generation_limits.hpp"

#include <string>

#include "pg/error.hpp"
#include "pg/jsonb.hpp"
#include "trigger/generation.hpp"

namespace atelier::trigger::generation {

namespace {

constexpr size_t kPromptCharacters = 20'000;
constexpr size_t kTextCharacters = 10'000;
constexpr size_t kUrlCharacters = 2'048;
constexpr size_t kJsonBytes = 256 * 1024;
constexpr int kJsonLevels = 64;
constexpr size_t kMostBytesPerCharacter = 4;

bool is_due(const pg::TriggerCall& call, const pg::Column& column) {
  return call.event() == pg::TriggerEvent::insert || call.changes(column);
}

[[noreturn]] void refuse(const pg::Column& column, const std::string& limit) {
  pg::fail(pg::Code::program_limit_exceeded,
           std::string("value for column \"") + column.name + "\" exceeds the limit of " + limit);
}

void check_text(const pg::TriggerCall& call, const pg::Column& column, size_t characters) {
  const size_t bytes = call.new_bytes(column);
  if (bytes <= characters || !is_due(call, column)) return;
  if (bytes > characters * kMostBytesPerCharacter || call.new_characters(column) > characters)
    refuse(column, std::to_string(characters) + " characters");
}

void check_json(const pg::TriggerCall& call, const pg::Column& column) {
  if (call.new_is_null(column) || !is_due(call, column)) return;
  if (call.new_bytes(column) > kJsonBytes) refuse(column, std::to_string(kJsonBytes / 1024) + " KiB");
  if (pg::jsonb::is_deeper_than(*call.new_datum(column), kJsonLevels))
    refuse(column, std::to_string(kJsonLevels) + " levels of nesting");
}

}  // namespace

void check_limits(const pg::TriggerCall& call) {
  for (const pg::Column* text : {&column::kAction, &column::kModelId, &column::kModelName, &column::kReplicateModel})
    check_text(call, *text, kTextCharacters);
  check_text(call, column::kPrompt, kPromptCharacters);
  check_text(call, column::kInputImageUrl, kUrlCharacters);
  check_text(call, column::kInputVideoUrl, kUrlCharacters);
  check_json(call, column::kReplicateInput);
  check_json(call, column::kSettings);
  if (const auto settings = call.new_datum(column::kSettings))
    if (is_due(call, column::kSettings) && !pg::jsonb::is_object(*settings))
      pg::fail(pg::Code::invalid_parameter_value, "value for column \"settings\" is not a JSON object");
}

}  // namespace atelier::trigger::generation
