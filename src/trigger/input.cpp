// SPDX-License-Identifier: PostgreSQL
#include "trigger/input.hpp"

#include <algorithm>
#include <string>

#include "pg/error.hpp"

namespace atelier::trigger::input {

namespace {

constexpr size_t kTextCharacters = 10'000;
constexpr size_t kUrlCharacters = 2'048;
constexpr size_t kBytes = 256 * 1024;
constexpr size_t kMostBytesPerCharacter = 4;

bool contains(const pg::TriggerCall& call, Columns columns, int attribute) {
  return std::any_of(columns.begin(), columns.end(),
                     [&](const pg::Column* column) { return call.attribute(*column) == attribute; });
}

bool is_due(const pg::TriggerCall& call, const pg::Column& column) {
  return call.event() == pg::TriggerEvent::insert || call.changes(column);
}

[[noreturn]] void refuse(const pg::Column& column, const std::string& limit) {
  pg::fail(pg::Code::program_limit_exceeded,
           std::string("value for column \"") + column.name + "\" exceeds the limit of " + limit);
}

void limit_characters(const pg::TriggerCall& call, Columns columns, size_t characters) {
  if (!call.caller_is_restricted()) return;
  for (const pg::Column* column : columns) {
    const size_t bytes = call.new_bytes(*column);
    if (bytes <= characters || !is_due(call, *column)) continue;
    if (bytes > characters * kMostBytesPerCharacter || call.new_characters(*column) > characters)
      refuse(*column, std::to_string(characters) + " characters");
  }
}

}  // namespace

void take_insert(pg::TriggerCall& call, Columns columns) {
  if (call.caller_is_restricted())
    for (int attribute = 1; attribute <= call.attribute_count(); ++attribute)
      if (call.is_written(attribute) && !contains(call, columns, attribute)) call.set_default(attribute);
  call.fill_missing();
}

void take_update(const pg::TriggerCall& call, const char* what, Columns columns) {
  if (!call.caller_is_restricted()) return;
  for (int attribute = 1; attribute <= call.attribute_count(); ++attribute)
    if (call.is_written(attribute) && call.changes(attribute) && !contains(call, columns, attribute))
      pg::fail(pg::Code::insufficient_privilege, "column \"" + std::string(call.attribute_name(attribute)) + "\" of " +
                                                     what + " is not the user's to change");
}

void limit_texts(const pg::TriggerCall& call, Columns columns) { limit_characters(call, columns, kTextCharacters); }
void limit_urls(const pg::TriggerCall& call, Columns columns) { limit_characters(call, columns, kUrlCharacters); }

void limit_bytes(const pg::TriggerCall& call, Columns columns) {
  if (!call.caller_is_restricted()) return;
  for (const pg::Column* column : columns)
    if (call.new_bytes(*column) > kBytes && is_due(call, *column))
      refuse(*column, std::to_string(kBytes / 1024) + " KiB");
}

}  // namespace atelier::trigger::input
