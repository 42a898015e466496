// SPDX-License-Identifier: PostgreSQL
#include "trigger/allowed.hpp"

#include <algorithm>

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

// "Users change display_name, avatar_url and cover_url."
std::string what_users_change(Names columns) {
  std::string list;
  for (const std::string_view& column : columns) {
    if (!list.empty()) list += &column + 1 == columns.end() ? " and " : ", ";
    list += column;
  }
  return "Users change " + (list.empty() ? "none of its columns" : list) + ".";
}

[[noreturn]] void refuse_size(const pg::Column& column, const std::string& limit) {
  pg::fail(pg::Code::program_limit_exceeded,
           std::string("value for column \"") + column.name + "\" exceeds the limit of " + limit);
}

}  // namespace

void allow_insert(pg::TriggerCall& call, Names columns) {
  if (call.caller_is_restricted()) take_from_user(call, columns);
  call.fill_missing();
}

void take_from_user(pg::TriggerCall& call, Names columns) {
  for (int attribute = 1; attribute <= call.attribute_count(); ++attribute)
    if (call.is_written(attribute) && !contains(columns, call.attribute_name(attribute))) call.set_default(attribute);
}

void allow_changes(const pg::TriggerCall& call, std::string_view row, Names columns) {
  if (!call.caller_is_restricted()) return;
  for_each_change(call, [&](std::string_view name) {
    if (!contains(columns, name)) refuse_change(row, name, what_users_change(columns));
  });
}

void refuse_changes(const pg::TriggerCall& call, std::string_view row, Names columns) {
  for_each_change(call, [&](std::string_view name) {
    if (contains(columns, name))
      pg::fail(pg::Code::insufficient_privilege, column_of(name, row) + " cannot be changed");
  });
}

void refuse_change(std::string_view row, std::string_view column, std::string detail) {
  pg::fail(pg::Code::insufficient_privilege, column_of(column, row) + " is not the user's to change",
           std::move(detail));
}

bool is_new(const pg::TriggerCall& call, const pg::Column& column) {
  return call.event() == pg::TriggerEvent::insert || call.changes(column);
}

void limit_texts(const pg::TriggerCall& call, Columns columns, size_t characters) {
  for (const pg::Column* column : columns) {
    const size_t bytes = call.new_bytes(*column);
    if (bytes <= characters || !is_new(call, *column)) continue;
    if (bytes > characters * kMostBytesPerCharacter || call.new_characters(*column) > characters)
      refuse_size(*column, std::to_string(characters) + " characters");
  }
}

void limit_bytes(const pg::TriggerCall& call, Columns columns, size_t bytes) {
  for (const pg::Column* column : columns)
    if (call.new_bytes(*column) > bytes && is_new(call, *column))
      refuse_size(*column, std::to_string(bytes / 1024) + " KiB");
}

void limit_json(const pg::TriggerCall& call, Columns columns, size_t bytes, int levels) {
  limit_bytes(call, columns, bytes);
  for (const pg::Column* column : columns)
    if (const auto value = call.new_datum(*column);
        value && is_new(call, *column) && pg::jsonb::is_deeper_than(*value, levels))
      refuse_size(*column, std::to_string(levels) + " levels of nesting");
}

}  // namespace atelier::trigger
