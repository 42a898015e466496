// SPDX-License-Identifier: PostgreSQL
#include "trigger/allowed.hpp"

#include <algorithm>
#include <string>

#include "pg/error.hpp"
#include "pg/jsonb.hpp"

namespace atelier::trigger {

namespace {

constexpr size_t kMostBytesPerCharacter = 4;

bool contains(Names columns, std::string_view name) {
  return std::find(columns.begin(), columns.end(), name) != columns.end();
}

// Calls `what` with each column that an UPDATE changes.
template <typename What>
void for_each_change(const pg::TriggerCall& call, What&& what) {
  for (int attribute = 1; attribute <= call.attribute_count(); ++attribute)
    if (call.is_written(attribute) && call.changes(attribute)) what(call.attribute_name(attribute));
}

std::string column_of(std::string_view column, std::string_view row) {
  return "column \"" + std::string(column) + "\" of " + std::string(row);
}

bool is_due(const pg::TriggerCall& call, const pg::Column& column) {
  return call.event() == pg::TriggerEvent::insert || call.changes(column);
}

[[noreturn]] void refuse_size(const pg::Column& column, const std::string& limit) {
  pg::fail(pg::Code::program_limit_exceeded,
           std::string("value for column \"") + column.name + "\" exceeds the limit of " + limit);
}

}  // namespace

void take_from_user(pg::TriggerCall& call, Names columns) {
  for (int attribute = 1; attribute <= call.attribute_count(); ++attribute)
    if (call.is_written(attribute) && !contains(columns, call.attribute_name(attribute))) call.set_default(attribute);
}

void allow_changes(const pg::TriggerCall& call, std::string_view row, Names columns) {
  for_each_change(call, [&](std::string_view name) {
    if (!contains(columns, name))
      pg::fail(pg::Code::insufficient_privilege, column_of(name, row) + " is not the user's to change");
  });
}

void refuse_changes(const pg::TriggerCall& call, std::string_view row, Names columns) {
  for_each_change(call, [&](std::string_view name) {
    if (contains(columns, name))
      pg::fail(pg::Code::insufficient_privilege, column_of(name, row) + " cannot be changed");
  });
}

void limit_text(const pg::TriggerCall& call, const pg::Column& column, size_t characters) {
  const size_t bytes = call.new_bytes(column);
  if (bytes <= characters || !is_due(call, column)) return;
  if (bytes > characters * kMostBytesPerCharacter || call.new_characters(column) > characters)
    refuse_size(column, std::to_string(characters) + " characters");
}

void limit_json(const pg::TriggerCall& call, const pg::Column& column, size_t bytes, int levels) {
  if (call.new_is_null(column) || !is_due(call, column)) return;
  if (call.new_bytes(column) > bytes) refuse_size(column, std::to_string(bytes / 1024) + " KiB");
  if (pg::jsonb::is_deeper_than(*call.new_datum(column), levels))
    refuse_size(column, std::to_string(levels) + " levels of nesting");
}

}  // namespace atelier::trigger
